"""The ONNX encoder at work: PCM windows to embeddings with numpy and onnxruntime alone."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import BundleError

BATCH = 64


class OnnxEncoder:
    """Embeds one-second windows."""

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        """Load `encoder.onnx`, a path or its bytes; raises `BundleError` when it is not an ONNX model."""
        self._session = open_session(model, threads)

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """L2-normalised embeddings `[batch, dim]` of `windows [batch, 16000]`, full scale 1."""
        if windows.ndim != 2 or windows.shape[1] != SAMPLE_RATE_HZ:
            raise ValueError(f"windows must be [batch, {SAMPLE_RATE_HZ}], not {list(windows.shape)}")
        parts = [
            self._session.run(None, {"pcm": np.ascontiguousarray(windows[start : start + BATCH], np.float32)})[0]
            for start in range(0, len(windows), BATCH)
        ]
        if not parts:
            dim = self._session.get_outputs()[0].shape[1]
            return np.empty((0, dim), np.float32)
        return np.concatenate(parts)


def open_session(model: Path | bytes, threads: int = 1) -> Any:
    """A session of onnxruntime on the CPU; raises `BundleError` when the file or its bytes are no ONNX model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has no public base class of its errors
        name = "encoder.onnx" if isinstance(model, bytes) else str(model)
        raise BundleError(f"{name}: not an ONNX model that can be run: {one_line(error)}") from error


def one_line(error: Exception) -> str:
    """What an error says, short enough for a sentence."""
    return " ".join(str(error).split())[:200]
