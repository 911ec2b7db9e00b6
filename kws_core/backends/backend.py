"""What every back end offers: scores of embeddings for each keyword, and itself as plain arrays."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import BundleError, EvaluationError, TrainingError


class Backend(Protocol):
    """Turns embeddings into one score per keyword; larger means more like the keyword."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords, in the order of the columns of `score`."""
        ...

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores `[n, keywords]` of `embeddings [n, dim]`."""
        ...

    def decide(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """The index `[n]` of the keyword of each of `embeddings [n, dim]`, or -1: by its own rule, no thresholds."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything but the keywords, as named arrays to be saved."""
        ...

    @classmethod
    def from_arrays(cls, keywords: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The back end whose `arrays` these are."""
        ...


def check_embeddings(embeddings: NDArray[Any], dim: int) -> None:
    """Raise `EvaluationError` unless the embeddings are `[n, dim]`."""
    if embeddings.ndim != 2 or embeddings.shape[1] != dim:
        raise EvaluationError(f"the back end scores embeddings of shape [n, {dim}], not {list(embeddings.shape)}")


def check_training_data(embeddings: NDArray[Any], labels: NDArray[Any], keywords: tuple[str, ...], split: str) -> None:
    """Raise `TrainingError` unless every keyword has a segment among finite `embeddings [n, dim]` and `labels [n]`."""
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        raise TrainingError(
            f"{split} embeddings must be [n, dim] with n labels, not {list(embeddings.shape)} with {list(labels.shape)}"
        )
    if not keywords:
        raise TrainingError("a back end needs at least one keyword")
    missing = sorted(set(keywords) - set(labels.tolist()))
    if missing:
        raise TrainingError(f"keywords without {split} segments: {', '.join(missing)}")
    if not np.isfinite(embeddings).all():
        raise TrainingError(f"{split} embeddings contain values that are not finite")


def named_array(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """One array of a saved back end; raises `BundleError` unless its shape fits (`None`: any length)."""
    if name not in arrays:
        raise BundleError(f"array {name!r} is missing from the back end; it has {', '.join(sorted(arrays)) or 'none'}")
    array = arrays[name]
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise BundleError(f"array {name!r} has shape {list(array.shape)}, not [{wanted}]")
    return array
