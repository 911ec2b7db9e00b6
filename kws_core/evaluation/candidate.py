"""A system that is to be judged: one of our bundles, or an encoder that is not ours."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.bundle import Bundle, BundleDescription
from kws_core.evaluation.system_scores import SystemScores
from kws_core.foreign_encoders import WindowEncoder
from kws_core.onnx_encoder import OnnxEncoder

Windows = Callable[[Sequence[int]], NDArray[np.float32]]
"""The windows `[n, 16000]` of rows of a selection, full scale 1."""
BATCH = 64


@dataclass(frozen=True, eq=False)
class Candidate:
    """An encoder of windows by the name that pages call it; `bundle` is None where it is not ours."""

    name: str
    encoder: WindowEncoder
    bundle: Bundle | None = None

    @classmethod
    def of_bundle(cls, name: str, bundle: Bundle) -> "Candidate":
        """The candidate of a bundle."""
        return cls(name, OnnxEncoder(bundle.encoder_path), bundle)

    @property
    def description(self) -> BundleDescription | None:
        """Of the bundle."""
        return None if self.bundle is None else self.bundle.description

    @property
    def keywords(self) -> tuple[str, ...]:
        """That it decides between; none of a bare encoder."""
        return () if self.bundle is None else self.bundle.description.keywords

    def backends(self) -> dict[str, Backend]:
        """Of the bundle; none of a bare encoder."""
        return {} if self.bundle is None else self.bundle.backends()

    def thresholds(self) -> dict[str, NDArray[np.float64]]:
        """Of each back end, `[keywords]`."""
        found = {} if self.bundle is None else self.bundle.description.thresholds
        return {name: np.array(values) for name, values in found.items()}

    def scores(self, embeddings: NDArray[np.float32]) -> SystemScores:
        """The system on rows whose embeddings these are, by the back end that decides."""
        if self.bundle is None or not self.keywords:
            return SystemScores(self.name, embeddings)
        decision = self.bundle.description.decision
        return SystemScores(self.name, embeddings, self.bundle.backend(decision), self.thresholds()[decision])

    def embed(self, windows: Windows, rows: int) -> NDArray[np.float32]:
        """L2-normalised embeddings `[rows, dim]` of all rows, a few windows at a time."""
        parts = [self.encoder.embed(windows(batch)) for batch in _batches(rows)]
        return np.concatenate(parts) if parts else np.empty((0, 1), np.float32)


def _batches(rows: int) -> Iterator[range]:
    for start in range(0, rows, BATCH):
        yield range(start, min(start + BATCH, rows))
