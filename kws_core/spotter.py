"""A bundle at work: windows classified, recordings searched for keywords, streams listened to."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from kws_core.backends.thresholds import decide
from kws_core.bundle import Bundle, load_bundle
from kws_core.config import FeaturesConfig
from kws_core.detection import Classification, Detection
from kws_core.errors import BundleError, EvaluationError
from kws_core.incremental.stream_encoder import StreamEncoder
from kws_core.model_sources import fetch, is_address
from kws_core.stream_spotter import StreamSpotter
from kws_core.temporary_folder import TemporaryFolder

if TYPE_CHECKING:
    from kws_core.enrolment_recordings import Recording

__all__ = ["Classification", "Detection", "Spotter"]


class Spotter:
    """Finds the keywords of a bundle; needs numpy, onnxruntime and what the base install brings.

    It never changes, so that threads may share it and open as many streams as they like.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Load the encoder and the back end that the bundle decides with.

        Raises:
            BundleError: the bundle has no keywords, or its files do not fit each other.
        """
        description = bundle.description
        if not description.keywords:
            raise BundleError(
                f"{bundle.folder}: an encoder without keywords; enrol one by example first, with kws enrol"
            )
        self.bundle = bundle
        self.keywords = description.keywords
        self.description = description
        self.encoder = StreamEncoder(bundle.encoder_path, _features(bundle), threads)
        self._backend = bundle.backend(description.decision)
        self._thresholds = np.array(description.thresholds[description.decision])
        self._durations_s = description.keyword_durations_s
        self._folder: TemporaryFolder | None = None

    @classmethod
    def load(cls, place: str | Path, threads: int = 1) -> Self:
        """Open a bundle's folder, or the bundle of a registry's address such as `models:/NAME@champion`.

        Raises:
            BundleError: it is missing, damaged or not ours, or no installed package knows such addresses.
            RegistryError: the registry cannot be reached or has no such model.
        """
        if not is_address(place):
            return cls(load_bundle(Path(place)), threads)
        folder = TemporaryFolder()
        spotter = cls(load_bundle(fetch(str(place), folder.path)), threads)
        spotter._folder = folder  # its files are there as long as the spotter is
        return spotter

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """A copy of the thresholds `[keywords]` at which a score is accepted."""
        return self._thresholds.copy()

    def at_thresholds(self, thresholds: NDArray[np.float64]) -> Self:
        """The same spotter with other `thresholds [keywords]`; raises `EvaluationError` when they do not fit."""
        given = np.array(thresholds, np.float64)
        if given.shape != self._thresholds.shape or not np.isfinite(given).all():
            raise EvaluationError(f"{len(self.keywords)} finite thresholds are needed, one a keyword")
        other = copy.copy(self)
        other._thresholds = given
        return other

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores `[batch, keywords]` of `windows [batch, 16000]`, full scale 1."""
        return self._scores(self.encoder.whole.embed(windows))

    def classify(self, pcm: NDArray[np.float32]) -> list[Classification]:
        """Name the best keyword of each window and tell whether its score reaches its threshold.

        Args:
            pcm: windows `[batch, 16000]`, or a single one `[16000]`, full scale 1.

        Returns:
            One answer a window.
        """
        scores = self.scores(pcm[None] if pcm.ndim == 1 else pcm)
        decisions = decide(scores, self._thresholds)
        best = np.where(decisions >= 0, decisions, np.argmax(scores - self._thresholds, axis=1))
        return [
            Classification(self.keywords[keyword], float(row[keyword]), decision >= 0)
            for row, keyword, decision in zip(scores, best.tolist(), decisions.tolist(), strict=True)
        ]

    def detect(self, pcm: NDArray[np.floating]) -> list[Detection]:
        """Search a recording `[samples]`, 16 kHz mono, full scale 1, of any length, in the order of time."""
        stream = self.stream()
        peaks = [*stream.push_peaks(pcm), *stream.finish_peaks()]
        return stream.detections(sorted(peaks, key=lambda peak: (peak.window, peak.keyword)))

    def stream(self) -> StreamSpotter:
        """A stream that has heard nothing yet."""
        return StreamSpotter(self.encoder.stream(), self._scores, self._thresholds, self.keywords, self._durations_s)

    def enrol(
        self, keyword: str, recordings: "Sequence[Recording]", folder: str | Path | None = None, **wishes: Any
    ) -> "Spotter":
        """A spotter with one more keyword, learnt from one to ten recordings of it; this one stays as it is.

        Args:
            keyword: what they say.
            recordings: samples `[n]`, 16 kHz mono, full scale 1, or paths of files.
            folder: where its bundle is written; a temporary one that goes with the spotter by default.
            **wishes: `far`, `max_false_alarms_per_hour`, `without`, `replace`, `speakers`, `date`: see
                `kws_core.enrolment_recordings.enrol_recordings`.

        Raises:
            AudioError, BundleError, ConfigError: as `enrol_recordings` does.
        """
        from kws_core.enrolment_recordings import enrol_recordings

        own = TemporaryFolder() if folder is None else None
        place = own.path / "bundle" if own is not None else Path(folder or "")
        bundle, _ = enrol_recordings(self.bundle, keyword, recordings, place, **wishes)
        spotter = Spotter(bundle)
        spotter._folder = own
        return spotter

    def _scores(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self._backend.score(embeddings), np.float64)


def _features(bundle: Bundle) -> FeaturesConfig:
    try:
        return FeaturesConfig.model_validate(bundle.description.features)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in ("features", *first["loc"]))
        raise BundleError(f"{bundle.folder}: field {field!r} of its description: {first['msg']}") from error
