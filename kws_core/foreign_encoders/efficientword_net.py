"""EfficientWord-Net: a ResNet-50 with ArcFace on 1.5 s of log filterbanks."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.foreign_encoders.session import installed_folder, normalised, open_session, run_model

PACKAGE, FOLDER = "efficientword-net", "eff_word_net/models/resnet_50_arc"
MODEL = "slim_93%_accuracy_72.7390%.onnx"
SAMPLES = round(1.5 * SAMPLE_RATE_HZ)
FRAME, HOP, BINS, BANDS = 400, 160, 512, 64
DIM = 2048


class EfficientWordNet:
    """2048 dimensions; a window of one second has silence on either side, as its own code pads short recordings.

    Source: Chidhambararajan et al. 2022, "EfficientWord-Net: an open source hotword detection engine based on few-shot
    learning"; the graph is that of the PyPI package efficientword-net (Apache-2.0).
    """

    def __init__(self, model: Path | None = None) -> None:
        """Open the graph of a file, or of the installed package.

        Raises:
            BundleError: the package is not installed, or the file is missing or not a model.
        """
        self._path = model or installed_folder(PACKAGE, FOLDER) / MODEL
        self._session = open_session(self._path)

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """L2-normalised embeddings `[batch, 2048]` of `windows [batch, 16000]`, full scale 1."""
        # the graph takes one recording at a time
        rows = [run_model(self._session, self._path, _filterbanks(window)[None, None]) for window in windows]
        return normalised(np.concatenate(rows), self._path) if rows else np.empty((0, DIM), np.float32)


def _filterbanks(window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log filterbank energies `[149, 64]` of frames of 25 ms every 10 ms, without taper or pre-emphasis."""
    before = (SAMPLES - len(window)) // 2
    padded = np.pad(window.astype(np.float64), (before, SAMPLES - len(window) - before + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][: 1 + -(-(SAMPLES - FRAME) // HOP)]
    power = np.square(np.abs(np.fft.rfft(frames, BINS))) / BINS
    energies = power @ _bands().T
    return np.log(np.where(energies == 0, np.finfo(np.float64).eps, energies)).astype(np.float32)


@cache
def _bands() -> NDArray[np.float64]:
    """Triangles `[64, 257]` between points evenly spaced on the mel scale, rounded down to bins."""
    mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700), BANDS + 2)
    edges = np.floor((BINS + 1) * 700 * (10 ** (mel / 2595) - 1) / SAMPLE_RATE_HZ)
    bins = np.arange(BINS // 2 + 1)
    low, middle, high = (edges[start : start + BANDS, None] for start in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where((bins >= low) & (bins < middle), (bins - low) / (middle - low), 0)
        falling = np.where((bins >= middle) & (bins < high), (high - bins) / (high - middle), 0)
    bands: NDArray[np.float64] = rising + falling
    return bands
