"""What a recording's samples tell of its quality."""

import numpy as np

from kws_core.audio import Pcm16, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ

FRAME_S = 0.02
SILENCE_DB = -60.0
"""Level against full scale below which a frame is silent in any recording."""
BELOW_LOUDEST_DB = 40.0
"""A frame is silent as well when it is this much softer than the loudest one."""


def peak(pcm: Pcm16) -> float:
    """Largest absolute sample of `pcm [samples]`, full scale = 1."""
    return float(np.abs(pcm.astype(np.int32)).max(initial=0)) / 32768


def silent_share(pcm: Pcm16) -> float:
    """Share of the whole 20 ms frames of `pcm [samples]` that are silent; 0 where there is no whole frame."""
    length = round(FRAME_S * SAMPLE_RATE_HZ)
    frames = pcm16_to_float(pcm[: len(pcm) // length * length]).reshape(-1, length)
    if not len(frames):
        return 0.0
    power = np.mean(np.square(frames), axis=1)
    floor = max(10 ** (SILENCE_DB / 10), float(power.max()) * 10 ** (-BELOW_LOUDEST_DB / 10))
    return float(np.mean(power < floor))
