"""Embeddings of all windows of a stream, at a fraction of the time that the windows take one by one."""

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.detector import HOP_S, WINDOWS_AT_ONCE, stream_windows
from kws_core.features.frontend import Frontend
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.onnx_export.split import FEATURES, embedding_half

BATCH = 16
"""Windows that the network sees at once: few enough for their maps to stay in a processor's cache."""


class StreamEncoder:
    """Embeds the spotter's windows of whole streams.

    A frame of features lies in a dozen windows. Where windows begin at frames, as they do with a hop of 10 ms,
    features are computed once a frame and the rest of the encoder once a window; the embeddings are those of
    `OnnxEncoder` but for rounding. Any other encoder takes window after window.
    """

    def __init__(self, model: bytes, features: FeaturesConfig, threads: int = 1) -> None:
        """Load an `encoder.onnx` with the features that it has inside; raises `BundleError` when it cannot be run."""
        self._whole = OnnxEncoder(model, threads)
        self._frontend = Frontend(features)
        self._hop_frames, rest = divmod(round(HOP_S * SAMPLE_RATE_HZ), self._frontend.hop_samples)
        self._frames = self._frontend.count_frames(SAMPLE_RATE_HZ)
        half = None if rest else embedding_half(model, self._frames, features.coefficients)
        self._session = None if half is None else _session(half, threads)

    @property
    def shares_features(self) -> bool:
        """Whether features are computed once a frame."""
        return self._session is not None

    def embed(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings `[windows, dim]` of the windows of `pcm [samples]`, full scale 1."""
        windows = stream_windows(pcm)
        if self._session is None or not len(windows):
            starts = range(0, len(windows), WINDOWS_AT_ONCE)
            batches = [self._whole.embed(windows[at : at + WINDOWS_AT_ONCE]) for at in starts]
            return np.concatenate(batches) if batches else self._whole.embed(windows)
        half = np.zeros(SAMPLE_RATE_HZ // 2, np.float32)
        padded = torch.from_numpy(np.concatenate([half, pcm.astype(np.float32), half]))
        features = self._frontend(padded[None])[0].numpy()
        views = np.lib.stride_tricks.sliding_window_view(features, self._frames, axis=0)[:: self._hop_frames]
        views = views[: len(windows)].transpose(0, 2, 1)
        return np.concatenate(
            [
                self._session.run(None, {FEATURES: np.ascontiguousarray(views[at : at + BATCH])})[0]
                for at in range(0, len(views), BATCH)
            ]
        )


def _session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
