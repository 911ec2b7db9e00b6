"""The centroid back end: cosine similarity to the mean training embedding of each keyword."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import check_embeddings, check_training_data, named_array
from kws_core.errors import EvaluationError, TrainingError


@dataclass(frozen=True, eq=False)
class CentroidBackend:
    """One L2-normalised centroid per keyword, `centroids [keywords, dim]`, and one of the non-targets, `unknown [dim]`.

    Source: Huh et al. 2020 (arXiv 2005.08776), decision by centroid, with an unknown cluster or without.
    """

    keywords: tuple[str, ...]
    centroids: NDArray[np.float32]
    unknown: NDArray[np.float32] | None = None

    @classmethod
    def fit(
        cls,
        embeddings: NDArray[np.float32],
        labels: NDArray[np.str_],
        keywords: tuple[str, ...],
        *,
        unknown: bool = False,
    ) -> Self:
        """Centroids from L2-normalised `embeddings [n, dim]` and their `labels [n]`.

        With `unknown` the segments of all other labels form one more centroid; else they are ignored. Raises
        `TrainingError` for a keyword without segments or whose embeddings cancel out, and likewise for the unknown
        centroid.
        """
        check_training_data(embeddings, labels, keywords, "training")
        centroids = [_centroid(embeddings[labels == keyword], f"keyword {keyword!r}") for keyword in keywords]
        others = embeddings[~np.isin(labels, keywords)]
        return cls(keywords, np.stack(centroids), _centroid(others, "the non-targets") if unknown else None)

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines `[n, keywords]` of L2-normalised `embeddings [n, dim]`; raises `EvaluationError` on another dim."""
        check_embeddings(embeddings, self.centroids.shape[1])
        return embeddings.astype(np.float32, copy=False) @ self.centroids.T

    def decide(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """The index `[n]` of the keyword whose centroid is nearest, or -1 where the unknown centroid is nearer.

        Nearness is the cosine; of equally near ones the first keyword wins. Raises `EvaluationError` on another dim
        and without an unknown centroid, since nothing would then be rejected.
        """
        if self.unknown is None:
            raise EvaluationError(
                "the centroid back end has no unknown centroid to reject with: fit it with unknown=True"
            )
        scores = self.score(embeddings)
        nearest = scores.argmax(axis=1)
        rejected = embeddings.astype(np.float32, copy=False) @ self.unknown > scores.max(axis=1)
        return np.where(rejected, -1, nearest).astype(np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`centroids [keywords, dim]` and, where there is one, `unknown [dim]`, to be saved."""
        return {"centroids": self.centroids, **({} if self.unknown is None else {"unknown": self.unknown})}

    @classmethod
    def from_arrays(cls, keywords: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The back end of saved `arrays`, with `unknown` or without; raises `BundleError` when they do not fit."""
        centroids = named_array(arrays, "centroids", (len(keywords), None)).astype(np.float32, copy=False)
        if "unknown" not in arrays:
            return cls(keywords, centroids)
        unknown = named_array(arrays, "unknown", (centroids.shape[1],)).astype(np.float32, copy=False)
        return cls(keywords, centroids, unknown)


def _centroid(embeddings: NDArray[np.float32], whose: str) -> NDArray[np.float32]:
    if not len(embeddings):
        raise TrainingError(f"{whose} have no training segments to form the unknown centroid")
    mean = embeddings.mean(axis=0, dtype=np.float64)
    norm = np.linalg.norm(mean)
    if norm < 1e-6:
        raise TrainingError(f"the training embeddings of {whose} cancel out: no centroid")
    centroid: NDArray[np.float32] = (mean / norm).astype(np.float32)
    return centroid
