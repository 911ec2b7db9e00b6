"""Placing a stretch of a recording in a window of fixed length."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INT16_SCALE = 32768.0


def window_waveform(pcm: NDArray[Any], centre_sample: int, samples: int) -> NDArray[np.float32]:
    """Cut a window `[samples]` whose middle (index samples // 2) is `centre_sample` of `pcm [n]`.

    Takes int16 or float32 with full scale +-1 and returns float32 with full scale +-1; what lies outside the recording
    is zero. Raises `TypeError` for other sample types.
    """
    if pcm.dtype not in (np.int16, np.float32):
        raise TypeError(f"samples must be int16 or float32, not {pcm.dtype}")
    window = np.zeros(samples, np.float32)
    first = centre_sample - samples // 2
    source = pcm[max(0, first) : max(0, first + samples)]
    start = max(0, -first)
    window[start : start + len(source)] = source
    if pcm.dtype == np.int16:
        window /= INT16_SCALE
    return window
