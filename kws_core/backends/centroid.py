"""The centroid back end: cosine similarity to the mean training embedding of each keyword."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import check_embeddings, check_training_data, named_array
from kws_core.errors import TrainingError


@dataclass(frozen=True, eq=False)
class CentroidBackend:
    """One L2-normalised centroid per keyword, `centroids [keywords, dim]`.

    Source: Huh et al. 2020 (arXiv 2005.08776), decision by centroid.
    """

    keywords: tuple[str, ...]
    centroids: NDArray[np.float32]

    @classmethod
    def fit(cls, embeddings: NDArray[np.float32], labels: NDArray[np.str_], keywords: tuple[str, ...]) -> Self:
        """Centroids from L2-normalised `embeddings [n, dim]` and their `labels [n]`; other labels are ignored.

        Raises `TrainingError` for a keyword without segments or whose embeddings cancel out.
        """
        check_training_data(embeddings, labels, keywords, "training")
        means = np.stack([embeddings[labels == keyword].mean(axis=0, dtype=np.float64) for keyword in keywords])
        norms = np.linalg.norm(means, axis=1, keepdims=True)
        for keyword, norm in zip(keywords, norms[:, 0], strict=True):
            if norm < 1e-6:
                raise TrainingError(f"the training embeddings of keyword {keyword!r} cancel out: no centroid")
        return cls(keywords, (means / norms).astype(np.float32))

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines `[n, keywords]` of L2-normalised `embeddings [n, dim]`; raises `EvaluationError` on another dim."""
        check_embeddings(embeddings, self.centroids.shape[1])
        return embeddings.astype(np.float32, copy=False) @ self.centroids.T

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`centroids [keywords, dim]`, to be saved."""
        return {"centroids": self.centroids}

    @classmethod
    def from_arrays(cls, keywords: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The back end of saved `arrays`; raises `BundleError` when they do not fit the keywords."""
        return cls(keywords, named_array(arrays, "centroids", (len(keywords), None)).astype(np.float32, copy=False))
