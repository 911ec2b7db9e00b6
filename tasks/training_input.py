"""What a training task reads, as fingerprints: small enough to send to every worker."""

from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from kws_core import corpora
from kws_core import pairs as pairs_stage
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.audio_cache import cached_audio
from kws_core.config import Experiment
from kws_core.errors import TrainingError
from kws_core.feature_cache import cached_features
from kws_core.feature_copies import with_copies
from kws_core.fingerprint import fingerprint
from kws_core.noise_recordings import cached_noise
from kws_core.store import Store
from kws_core.streaming import STAGE as BUCKETS
from kws_core.streaming import TrainingStream, bucketed_selection, open_stream
from kws_core.training_data import TrainingData, training_data
from tasks import featurise
from tasks.bucket import planned_buckets
from tasks.places import Places

MIB = 2**20


class TrainingInput(BaseModel):
    """Fingerprints of the features, the selection and the pair lists; where sound is wanted, of segments and noise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: str
    selection: str
    pairs: str
    segments: str = ""
    """Empty unless `training.input` is `waveforms`."""
    noise: str = ""
    """The dataset of utterances, where corpora of it are noise; else empty."""
    buckets: str = ""
    """The dataset of training buckets, where `training.data` is `stream`; else empty."""

    def load(self, places: Places, experiment: Experiment) -> TrainingData:
        """Map the selected features (and sound, and noise) on this node and join them with their labels and trials.

        Where training rows are streamed, only the features of the development split are mapped.

        Raises:
            TrainingError: waveforms are to be trained on and the segments are not given, there are noise corpora and
                the utterances are not given, or rows are to be streamed and no buckets are given.
        """
        store = places.store()
        selection = store.read_table(store.dataset(selection_stage.STAGE, self.selection))
        pairs = store.read_table(store.dataset(pairs_stage.STAGE, self.pairs))
        manifest = store.dataset(featurise.STAGE, self.features)
        sound = experiment.training.input == "waveforms"
        if sound and not self.segments:
            raise TrainingError("training.input = waveforms needs the dataset of segments beside that of features")
        stream, audio = None, None
        key = fingerprint(self.features, self.selection)
        if experiment.training.data == "stream":
            if not self.buckets:
                raise TrainingError("training.data = stream needs the dataset of training buckets beside the selection")
            held = selection.filter(pa.compute.equal(selection["split"], "development"))
            streamed = bucketed_selection(selection)
            stream = self._stream(store, streamed, held.num_rows, experiment)
            features = cached_features(store, manifest, held, places.cache, fingerprint(key, "development"))
            selection = pa.concat_tables([held, streamed])
        else:
            if experiment.features_stage.copies:
                selection = with_copies(store, manifest, selection)
            features = cached_features(store, manifest, selection, places.cache, key)
            if sound:
                segments = store.dataset(segments_stage.STAGE, self.segments)
                key = fingerprint(self.segments, self.selection)
                audio = cached_audio(store, segments, selection, places.cache, key)
        noise = None
        if experiment.noise_corpora:
            if not self.noise:
                raise TrainingError("noise corpora need the dataset of utterances beside that of features")
            utterances = store.dataset(corpora.STAGE, self.noise)
            noise = cached_noise(store, utterances, experiment.noise_corpora, experiment.seed, places.cache)
        return training_data(
            selection,
            pairs,
            features,
            experiment.features,
            audio,
            noise,
            repeats=experiment.training.repeats,
            stream=stream,
        )

    def _stream(self, store: Store, streamed: pa.Table, first_row: int, experiment: Experiment) -> TrainingStream:
        """The stream of the bucketed selection `streamed`."""
        source = self.segments if experiment.training.input == "waveforms" else self.features
        buckets = planned_buckets(store, experiment, source, streamed)
        window_bytes = int(experiment.training.stream.window_mib * MIB)
        manifest = store.dataset(BUCKETS, self.buckets)
        return open_stream(store, manifest, buckets, first_row, experiment.features, window_bytes)

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # segments and noise that are not read are no part of what a result was made from
        return {name: value for name, value in serialise(self).items() if value}
