"""A bundle at work: windows classified, recordings searched for keywords."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.thresholds import decide
from kws_core.bundle import Bundle, load_bundle
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import BundleError
from kws_core.onnx_encoder import OnnxEncoder

HOP_S = 0.08
# Scores are averaged over this many windows: a word is heard in several neighbouring windows, a fluke in one.
SMOOTHING_WINDOWS = 2
# Detections of the same keyword nearer than this are one.
REFRACTORY_S = 0.5
WINDOWS_AT_ONCE = 512


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
        half = SAMPLE_RATE_HZ // 2
        # half a second of silence on both sides lets a window centre on every moment of the recording
        padded = np.concatenate([np.zeros(half, np.float32), pcm.astype(np.float32), np.zeros(half, np.float32)])
        hop = round(HOP_S * SAMPLE_RATE_HZ)
        windows = np.lib.stride_tricks.sliding_window_view(padded, SAMPLE_RATE_HZ)[::hop]
        scores = np.concatenate(
            [self.scores(windows[at : at + WINDOWS_AT_ONCE]) for at in range(0, len(windows), WINDOWS_AT_ONCE)]
        )
        return self._events(_smooth(scores), len(pcm) / SAMPLE_RATE_HZ)

    def _events(self, scores: NDArray[np.float64], duration_s: float) -> list[Detection]:
        decisions = decide(scores, self._thresholds)
        events: list[tuple[int, int]] = []  # best window, keyword
        latest: dict[int, tuple[int, int]] = {}  # by keyword: its last accepted window and the place of its last event
        for window, keyword in enumerate(decisions.tolist()):
            if keyword < 0:
                continue
            last_window, place = latest.get(keyword, (0, -1))
            if place < 0 or (window - last_window) * HOP_S >= REFRACTORY_S:
                place = len(events)
                events.append((window, keyword))
            elif scores[window, keyword] > scores[events[place][0], keyword]:
                events[place] = (window, keyword)
            latest[keyword] = (window, place)
        return [self._detection(window, keyword, scores, duration_s) for window, keyword in sorted(events)]

    def _detection(self, window: int, keyword: int, scores: NDArray[np.float64], duration_s: float) -> Detection:
        # the middle of the windows that the score is averaged over
        centre_s = max(window - (SMOOTHING_WINDOWS - 1) / 2, 0.0) * HOP_S
        half_s = self._durations_s[keyword] / 2
        return Detection(
            self.keywords[keyword],
            round(max(centre_s - half_s, 0.0), 3),
            round(min(centre_s + half_s, duration_s), 3),
            float(scores[window, keyword]),
        )


def _smooth(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each window and those just before it, `SMOOTHING_WINDOWS` in all; at the start, of those that exist."""
    sums = np.zeros_like(scores)
    for delay in range(min(SMOOTHING_WINDOWS, len(scores))):
        sums[delay:] += scores[: len(scores) - delay]
    counts = np.minimum(np.arange(1, len(scores) + 1), SMOOTHING_WINDOWS)
    smoothed: NDArray[np.float64] = sums / counts[:, None]
    return smoothed
