"""A streaming model at work, window after window, to hold it against the others."""

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.incremental.split import EMBEDDINGS
from kws_core.onnx_encoder import open_session
from kws_core.onnx_export.graph import INPUT
from kws_core.onnx_export.streaming import (
    FRAMES_IN,
    FRAMES_OUT,
    HOP_SAMPLES,
    SAMPLES_IN,
    SAMPLES_OUT,
    first_whole_hop,
)

BATCH = 16


class ListeningEncoder:
    """Gives windows to a streaming model as a device would: a hop at a time, each with the state of the one before."""

    def __init__(self, model: bytes, features: FeaturesConfig) -> None:
        """Open the bytes of a `streaming_model`; raises `BundleError` when they are no model."""
        self._session = open_session(model)
        self._hops = first_whole_hop(features)

    def state(self, streams: int) -> dict[str, NDArray[np.float32]]:
        """That of so many streams before they begin: zeros."""
        shapes = {each.name: each.shape[1:] for each in self._session.get_inputs() if each.name != INPUT}
        return {name: np.zeros((streams, *shape), np.float32) for name, shape in shapes.items()}

    def hear(
        self, pcm: NDArray[np.float32], state: dict[str, NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Embeddings `[streams, dim]` after a hop `pcm [streams, 1280]`, and the next state."""
        outputs = self._session.run([EMBEDDINGS, SAMPLES_OUT, FRAMES_OUT], {INPUT: pcm, **state})
        return outputs[0], {SAMPLES_IN: outputs[1], FRAMES_IN: outputs[2]}

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings `[batch, dim]` of `windows [batch, 16000]`, full scale 1, each a stream of its own."""
        found = []
        for start in range(0, len(windows), BATCH):
            batch = np.asarray(windows[start : start + BATCH], np.float32)
            heard = np.pad(batch, ((0, 0), (self._hops * HOP_SAMPLES - SAMPLE_RATE_HZ, 0)))
            state, embeddings = self.state(len(batch)), np.empty((0, 0), np.float32)
            for hop in range(self._hops):
                embeddings, state = self.hear(heard[:, hop * HOP_SAMPLES : (hop + 1) * HOP_SAMPLES], state)
            found.append(embeddings)
        return np.concatenate(found)
