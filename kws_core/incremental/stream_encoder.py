"""Embeddings of the spotter's windows over a stream of samples, in pieces of any length."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.detector import HOP_S
from kws_core.errors import AudioError
from kws_core.features.numpy_frontend import NumpyFrontend
from kws_core.incremental.split import split_encoder
from kws_core.incremental.window_encoder import SharedMaps, WindowEncoder
from kws_core.onnx_encoder import BATCH, OnnxEncoder

HOP_SAMPLES = round(HOP_S * SAMPLE_RATE_HZ)
HALF_SAMPLES = SAMPLE_RATE_HZ // 2
LARGEST_PIECE = 512 * HOP_SAMPLES
"""Samples worked on at once, so that memory does not grow with the recording."""
TOLERANCE = 1e-3
"""Embeddings by shared frames that differ more from those of whole windows show that the features are others."""


class StreamEncoder:
    """Embeds the spotter's windows of streams; has no state of its own, so that threads may share it.

    A frame of features lies in a dozen windows. Where windows begin at frames, as they do with a hop of 10 ms, features
    are computed once a frame, and so are the first layers of encoders whose layers keep a position for each frame. The
    embeddings are those of `OnnxEncoder` but for rounding. Any other encoder takes window after window.
    """

    def __init__(self, model: Path | bytes, features: FeaturesConfig, threads: int = 1) -> None:
        """Load an `encoder.onnx` and the features that it has inside; raises `BundleError` when it cannot be run."""
        self.whole = OnnxEncoder(model, threads)
        self.frontend = NumpyFrontend(features)
        content = model if isinstance(model, bytes) else model.read_bytes()
        self.windows = self._shared(content, features, threads)

    @property
    def shares_features(self) -> bool:
        """Whether features are computed once a frame."""
        return self.windows is not None

    def stream(self) -> "EmbeddingStream":
        """A stream that has heard nothing yet."""
        return EmbeddingStream(self)

    def embed(self, pcm: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embeddings `[windows, dim]` of the windows of `pcm [samples]`, full scale 1."""
        stream = self.stream()
        return np.concatenate([stream.push(pcm), stream.finish()])

    def _shared(self, content: bytes, features: FeaturesConfig, threads: int) -> WindowEncoder | None:
        """None where frames do not fit the windows, or the encoder's features are not those of the configuration."""
        frames = self.frontend.count_frames(SAMPLE_RATE_HZ)
        hop_frames, rest = divmod(HOP_SAMPLES, self.frontend.hop_samples)
        split = (
            None
            if rest or frames < 2 * hop_frames
            else split_encoder(content, frames, features.coefficients, hop_frames)
        )
        if split is None:
            return None
        windows = WindowEncoder(split, frames, hop_frames, threads)
        pcm = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE_HZ + HOP_SAMPLES).astype(np.float32)
        whole = self.whole.embed(np.stack([pcm[:SAMPLE_RATE_HZ], pcm[HOP_SAMPLES:]]))
        shared, _ = windows.embed(self.frontend(pcm)[: frames + hop_frames], None)
        return windows if np.abs(shared - whole).max() <= TOLERANCE else None


class EmbeddingStream:
    """Takes samples in pieces of any length and gives the embeddings of every window once it has been heard.

    Window `w` is centred on `w * HOP_S`; half a second of silence is heard before the first sample and, at the end,
    after the last. Memory stays that of a window.
    """

    def __init__(self, encoder: StreamEncoder) -> None:
        """Begin to listen; `StreamEncoder.stream` does it."""
        self._encoder = encoder
        self._pieces: list[NDArray[np.float32]] = [np.zeros(HALF_SAMPLES, np.float32)]
        self._waiting = (
            HALF_SAMPLES  # samples in the pieces, the first of which begins a frame or, without any, a window
        )
        self._frames = np.empty((0, encoder.frontend.coefficients), np.float32)  # from the next window's first one
        self._maps: SharedMaps | None = None
        self._windows = 0
        self._samples = 0
        self._finished = False

    @property
    def samples(self) -> int:
        """How many have been heard."""
        return self._samples

    @property
    def state_bytes(self) -> int:
        """What the stream holds between two pushes."""
        maps = 0 if self._maps is None else self._maps.nbytes
        return sum(piece.nbytes for piece in self._pieces) + self._frames.nbytes + maps

    def push(self, pcm: NDArray[np.floating]) -> NDArray[np.float32]:
        """Hear `pcm [samples]`, 16 kHz mono, full scale 1; gives `embeddings [windows, dim]` of windows that it ends.

        Raises:
            ValueError: the samples are no row of floating point numbers, or the stream is finished.
            AudioError: a sample is not a finite number.
        """
        if self._finished:
            raise ValueError("the stream is finished; open another one")
        if pcm.ndim != 1 or not np.issubdtype(pcm.dtype, np.floating):
            raise ValueError(f"samples must be floating point numbers [samples], not {pcm.dtype} {list(pcm.shape)}")
        if not np.isfinite(pcm).all():
            raise AudioError("the stream holds samples that are not numbers")
        self._samples += len(pcm)
        return self._hear(pcm)

    def finish(self) -> NDArray[np.float32]:
        """End the stream; gives the embeddings of the windows that reach beyond its end."""
        if self._finished:
            raise ValueError("the stream is finished already")
        self._finished = True
        # a stream without samples has no window
        return self._hear(np.zeros(HALF_SAMPLES if self._samples else 0, np.float32))

    def _hear(self, pcm: NDArray[np.floating]) -> NDArray[np.float32]:
        found = []
        for start in range(0, len(pcm), LARGEST_PIECE):
            # a copy: the caller may use its buffer again
            self._pieces.append(np.array(pcm[start : start + LARGEST_PIECE], np.float32))
            self._waiting += len(self._pieces[-1])
            found.append(self._embed())
        return np.concatenate(found) if found else self._nothing()

    def _embed(self) -> NDArray[np.float32]:
        """Embeddings of the windows that the pieces complete."""
        windows_to_end = self._encoder.windows
        held = len(self._frames) * self._encoder.frontend.hop_samples
        count = 1 + (held + self._waiting - SAMPLE_RATE_HZ) // HOP_SAMPLES
        if count <= 0:
            return self._nothing()
        pcm = np.concatenate(self._pieces)
        if windows_to_end is None:
            embeddings, used = self._whole_windows(pcm, count), count * HOP_SAMPLES
        else:
            embeddings, used = self._shared_frames(pcm, count, windows_to_end)
        self._pieces, self._waiting = [pcm[used:].copy()], len(pcm) - used
        self._windows += count
        return embeddings

    def _whole_windows(self, pcm: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        windows = np.lib.stride_tricks.sliding_window_view(pcm, SAMPLE_RATE_HZ)[::HOP_SAMPLES][:count]
        batches = [self._encoder.whole.embed(windows[at : at + BATCH]) for at in range(0, count, BATCH)]
        return np.concatenate(batches)

    def _shared_frames(
        self, pcm: NDArray[np.float32], count: int, windows: WindowEncoder
    ) -> tuple[NDArray[np.float32], int]:
        frontend = self._encoder.frontend
        missing = windows.frames + (count - 1) * windows.hop_frames - len(self._frames)
        heard = frontend(pcm[: (missing - 1) * frontend.hop_samples + frontend.window_samples])
        frames = np.concatenate([self._frames, heard])
        embeddings, self._maps = windows.embed(frames, self._maps)
        self._frames = frames[count * windows.hop_frames :].copy()
        return embeddings, missing * frontend.hop_samples

    def _nothing(self) -> NDArray[np.float32]:
        return self._encoder.whole.embed(np.empty((0, SAMPLE_RATE_HZ), np.float32))
