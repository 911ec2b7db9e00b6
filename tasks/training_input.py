"""What a training task reads, as fingerprints: small enough to send to every worker."""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from kws_core import corpora
from kws_core import pairs as pairs_stage
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.audio_cache import cached_audio
from kws_core.config import Experiment
from kws_core.errors import TrainingError
from kws_core.feature_cache import cached_features
from kws_core.fingerprint import fingerprint
from kws_core.noise_recordings import cached_noise
from kws_core.training_data import TrainingData, training_data
from tasks import featurise
from tasks.places import Places


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

    def load(self, places: Places, experiment: Experiment) -> TrainingData:
        """Map the selected features (and sound, and noise) on this node and join them with their labels and trials.

        Raises:
            TrainingError: waveforms are to be trained on and the segments are not given, or there are noise corpora
                and the utterances are not given.
        """
        store = places.store()
        selection = store.read_table(store.dataset(selection_stage.STAGE, self.selection))
        pairs = store.read_table(store.dataset(pairs_stage.STAGE, self.pairs))
        manifest = store.dataset(featurise.STAGE, self.features)
        key = fingerprint(self.features, self.selection)
        features = cached_features(store, manifest, selection, places.cache, key)
        audio = None
        if experiment.training.input == "waveforms":
            if not self.segments:
                raise TrainingError("training.input = waveforms needs the dataset of segments beside that of features")
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
            selection, pairs, features, experiment.features, audio, noise, repeats=experiment.training.repeats
        )

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # segments and noise that are not read are no part of what a result was made from
        return {name: value for name, value in serialise(self).items() if value}
