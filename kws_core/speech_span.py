"""Where speech lies in a recording, by energy alone."""

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import Pcm16, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ

HOP_S = 0.01
# A frame belongs to the word above this share of the way, in decibels, from the clip's floor to its peak.
ENERGY_SHARE = 0.35
SMALLEST_RANGE_DB = 6.0


def speech_span(pcm: Pcm16) -> tuple[float, float] | None:
    """First and last moment of speech in seconds of `pcm [samples]`; None when its level hardly varies."""
    smooth = _levels_db(pcm)
    if not len(smooth):
        return None
    floor, peak = np.percentile(smooth, 10), smooth.max()
    if peak - floor < SMALLEST_RANGE_DB:
        return None
    loud = np.flatnonzero(smooth >= floor + ENERGY_SHARE * (peak - floor))
    return float(loud[0] * HOP_S), float((loud[-1] + 1) * HOP_S)


def _levels_db(pcm: Pcm16) -> NDArray[np.float64]:
    """Level of every whole 10 ms, averaged over three: single clicks do not count."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    frames = pcm16_to_float(pcm[: len(pcm) // hop * hop]).reshape(-1, hop)
    if not len(frames):
        return np.empty(0)
    level_db = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    smooth: NDArray[np.float64] = np.convolve(np.pad(level_db, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    return smooth
