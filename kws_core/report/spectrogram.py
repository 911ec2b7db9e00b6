"""A spectrogram as a small PNG."""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import Pcm16, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ

HEIGHT = 48
"""Bands of equal width on the mel scale, one a pixel; the lowest at the bottom."""
HOP, FRAME = 160, 512
RANGE_DB = 60.0
LEVELS = 32
"""Colours of the palette: fewer make smaller files."""


def spectrogram_png(pcm: Pcm16) -> bytes:
    """PNG `[48, frames]` of `pcm [samples]` at 16 kHz: a column every 10 ms, 60 dB below the loudest cell in black."""
    from PIL import Image  # here: only reports draw

    samples = np.pad(pcm16_to_float(pcm), (FRAME // 2, FRAME // 2))
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(FRAME))))
    decibel = 10 * np.log10(np.maximum(power @ _bands(), 1e-10))
    place = np.clip((decibel - decibel.max()) / RANGE_DB + 1, 0, 1)
    image = Image.fromarray(np.rint(place.T[::-1] * (LEVELS - 1)).astype(np.uint8), "P")
    image.putpalette(_palette())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


@cache
def _bands() -> NDArray[np.float64]:
    """Bins to bands, `[bins, bands]`: triangles as wide as two bands."""
    centres = 700 * np.expm1(np.linspace(np.log1p(60 / 700), np.log1p(7600 / 700), HEIGHT + 2))
    bins = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE_HZ)
    rising = (bins[:, None] - centres[:-2]) / (centres[1:-1] - centres[:-2])
    falling = (centres[2:] - bins[:, None]) / (centres[2:] - centres[1:-1])
    found: NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0)
    empty = found.sum(axis=0) == 0  # bands narrower than a bin take the nearest one
    nearest = np.abs(bins[:, None] - centres[1:-1]).argmin(axis=0)
    found[nearest[empty], np.flatnonzero(empty)] = 1
    return found


@cache
def _palette() -> bytes:
    import matplotlib

    colours = matplotlib.colormaps["magma"](np.linspace(0, 1, LEVELS))[:, :3]
    return bytes(np.rint(255 * colours).astype(np.uint8).ravel())
