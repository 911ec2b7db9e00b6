"""The direction in which a keyword's examples differ from everything else that the encoder hears."""

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import AudioError

SHRINKAGE = 3.0
"""Share of the mean variance of the cohort that is added to its covariance; chosen on development speakers."""


def mean_embedding(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean `[dim]` of L2-normalised `embeddings [n, dim]`, of length 1; raises `AudioError` where they cancel."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    if not length > 1e-6:
        raise AudioError("the examples are unlike each other: their embeddings cancel out")
    unit: NDArray[np.float32] = (mean / length).astype(np.float32)
    return unit


def keyword_direction(embeddings: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """The unit vector `[dim]` that a spotter multiplies its windows with, in the place of a mean embedding.

    It is Fisher's linear discriminant of the examples `embeddings [n, dim]` against the cohort's `others [m, dim]`,
    whose covariance is shrunk towards a multiple of the identity: what all words have in common counts less than what
    tells this one from them. The examples are too few to add to the covariance.

    Source: Hariharan, Malik and Ramanan 2012, "Discriminative Decorrelation for Clustering and Classification"; the
    shrinkage is a fixed ridge.

    Raises:
        AudioError: the embeddings of the examples cancel out, or cannot be told from the cohort.
    """
    centred = others.astype(np.float64)
    mean = centred.mean(axis=0)
    centred -= mean
    # not the product of matrices, whose threads would add up in another order
    covariance = np.einsum("ni,nj->ij", centred, centred) / len(centred)
    dim = len(mean)
    ridge = SHRINKAGE * max(float(np.trace(covariance)) / dim, 1e-9)
    direction = np.linalg.solve(covariance + ridge * np.eye(dim), mean_embedding(embeddings) - mean)
    length = np.linalg.norm(direction)
    if not length > 1e-9:
        raise AudioError("the examples cannot be told from the cohort: their mean is that of all other words")
    unit: NDArray[np.float32] = (direction / length).astype(np.float32)
    return unit
