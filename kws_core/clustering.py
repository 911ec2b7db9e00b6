"""Pseudo-classes: the background pool split into clusters of about the size of the rare classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import TrainingError

MAX_CLUSTERS = 1000
"""More classes than this make k-means and the classifier slow for little."""
# Past this many rows k-means sees random mini-batches: the time of the whole grows with rows times clusters.
_MINI_BATCH_ROWS = 20_000
_STARTS = 3


def pseudo_classes(embeddings: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.int64]:
    """The k-means cluster `[n]` of each of `embeddings [n, dim]`, numbered from 0; the same inputs give the same.

    At most `clusters` are formed, each with at least one row. Raises `TrainingError` for embeddings that are not finite
    or not `[n, dim]`, fewer than one cluster, or more clusters than distinct embeddings.

    Source: Arora et al. 2019, clustered pre-training under class imbalance.
    """
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise TrainingError(f"embeddings to be clustered must be finite and [n, dim], not {list(embeddings.shape)}")
    distinct = len(np.unique(embeddings, axis=0))
    if not 1 <= clusters <= distinct:
        raise TrainingError(f"clusters must lie between 1 and {distinct}, the distinct embeddings, not {clusters}")
    # here: a spotter in service needs no scikit-learn
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    kind = KMeans if len(embeddings) <= _MINI_BATCH_ROWS else MiniBatchKMeans
    with threadpool_limits(1):  # sums over several threads are added in any order, and labels could differ
        found = kind(clusters, n_init=_STARTS, random_state=seed).fit_predict(embeddings)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def cluster_count(background: int, rare_class_sizes: Sequence[int]) -> int:
    """How many clusters make `background` rows into pseudo-classes of about the mean size of the rare classes.

    At least 1; at most `MAX_CLUSTERS`, and at most one for every two rows, so that a cluster can hold a pair. Raises
    `TrainingError` when there is no background, no rare class, or a rare class without rows.

    Source: Arora et al. 2019.
    """
    if background < 1:
        raise TrainingError(f"there must be background to split, not {background} rows")
    if not rare_class_sizes or min(rare_class_sizes) < 1:
        raise TrainingError(f"rare classes must all have rows, not {list(rare_class_sizes)}")
    wanted = round(background * len(rare_class_sizes) / sum(rare_class_sizes))
    return max(1, min(wanted, background // 2, MAX_CLUSTERS))
