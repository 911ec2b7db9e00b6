"""A bundle at work: windows classified, recordings searched for keywords."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.thresholds import decide
from kws_core.bundle import Bundle, load_bundle
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.detector import centre_s, find_peaks, stream_scores
from kws_core.errors import BundleError
from kws_core.onnx_encoder import OnnxEncoder


@dataclass(frozen=True)
class Detection:
    """A keyword found in a recording."""

    keyword: str
    start_s: float
    end_s: float
    """Estimated: the keyword's usual duration around the moment of the best score."""
    score: float
    """Score of the back end, averaged over neighbouring windows."""


@dataclass(frozen=True)
class Classification:
    """What a one-second window holds."""

    keyword: str
    score: float
    accepted: bool


class Spotter:
    """Finds the keywords of a bundle; needs numpy and onnxruntime only."""

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
        self.keywords = description.keywords
        self.description = description
        self._encoder = OnnxEncoder(bundle.encoder_path, threads)
        self._backend = bundle.backend(description.decision)
        self._thresholds = np.array(description.thresholds[description.decision])
        self._durations_s = description.keyword_durations_s

    @classmethod
    def load(cls, folder: str | Path, threads: int = 1) -> "Spotter":
        """Open a bundle folder; raises `BundleError` when it is missing, damaged or not ours."""
        return cls(load_bundle(Path(folder)), threads)

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores `[batch, keywords]` of `windows [batch, 16000]`, full scale 1."""
        return np.asarray(self._backend.score(self._encoder.embed(windows)), np.float64)

    def classify(self, windows: NDArray[np.float32]) -> list[Classification]:
        """Name the best keyword of each window `[batch, 16000]` and tell whether its score reaches its threshold."""
        scores = self.scores(windows)
        decisions = decide(scores, self._thresholds)
        best = np.where(decisions >= 0, decisions, np.argmax(scores - self._thresholds, axis=1))
        return [
            Classification(self.keywords[keyword], float(row[keyword]), decision >= 0)
            for row, keyword, decision in zip(scores, best.tolist(), decisions.tolist(), strict=True)
        ]

    def detect(self, pcm: NDArray[np.float32]) -> list[Detection]:
        """Search a recording `[samples]`, 16 kHz mono, full scale 1, of any length, in the order of time."""
        if not len(pcm):
            return []
        scores = stream_scores(pcm, self.scores)
        peaks = find_peaks(scores, self._thresholds)
        duration_s = len(pcm) / SAMPLE_RATE_HZ
        found = zip(peaks.windows[peaks.at(0.0)].tolist(), peaks.keywords[peaks.at(0.0)].tolist(), strict=True)
        return [self._detection(window, keyword, scores, duration_s) for window, keyword in found]

    def _detection(self, window: int, keyword: int, scores: NDArray[np.float64], duration_s: float) -> Detection:
        middle_s = float(centre_s(np.array(window)))
        half_s = self._durations_s[keyword] / 2
        return Detection(
            self.keywords[keyword],
            round(max(middle_s - half_s, 0.0), 3),
            round(min(middle_s + half_s, duration_s), 3),
            float(scores[window, keyword]),
        )
