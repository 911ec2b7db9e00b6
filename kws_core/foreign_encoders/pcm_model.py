"""Any ONNX encoder that takes PCM windows."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import BundleError
from kws_core.foreign_encoders.session import normalised, open_session, run_model

BATCH = 64


class PcmModel:
    """A model of one input `[batch, 16000]`, float32 of full scale 1, whose first output is `[batch, dim]`."""

    def __init__(self, path: Path) -> None:
        """Open the model; raises `BundleError` when it is missing, is none or takes something else."""
        self._path = path
        self._session = open_session(path)
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        if (
            len(inputs) != 1
            or len(shape) != 2
            or (shape[1] not in (SAMPLE_RATE_HZ, None) and isinstance(shape[1], int))
        ):
            described = ", ".join(f"{each.name} {list(each.shape)}" for each in inputs)
            raise BundleError(f"{path}: takes {described}; one input [batch, {SAMPLE_RATE_HZ}] of PCM is accepted")
        self._batch = BATCH if not isinstance(shape[0], int) else shape[0]

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """L2-normalised embeddings `[batch, dim]` of `windows [batch, 16000]`, full scale 1."""
        found = []
        for start in range(0, len(windows), self._batch):
            batch = np.asarray(windows[start : start + self._batch], np.float32)
            # a model of fixed batch gets full ones
            padded = batch if self._batch == BATCH else np.pad(batch, ((0, self._batch - len(batch)), (0, 0)))
            found.append(run_model(self._session, self._path, np.ascontiguousarray(padded))[: len(batch)])
        if not found:
            dim = self._session.get_outputs()[0].shape[-1]
            return np.empty((0, dim if isinstance(dim, int) else 1), np.float32)
        return normalised(np.concatenate(found), self._path)
