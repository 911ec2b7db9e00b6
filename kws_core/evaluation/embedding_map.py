"""Embeddings of test words in a plane: principal components, and t-SNE where there are few points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_POINTS = 10


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Positions of the same points in one or two planes."""

    labels: NDArray[np.str_]
    principal: NDArray[np.float64]
    """`[points, 2]`."""
    variance: tuple[float, float]
    """Share of the variance along either axis of `principal`."""
    neighbours: NDArray[np.float64] | None
    """t-SNE `[points, 2]`; None where it was not wanted."""


def embedding_map(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.str_],
    first: tuple[str, ...],
    *,
    words: int,
    points: int,
    neighbours: bool,
    seed: int,
) -> EmbeddingMap | None:
    """The map of `embeddings [n, dim]` with `labels [n]`; None for fewer than ten points.

    Args:
        embeddings: L2-normalised.
        labels: of the rows.
        first: labels that are shown before all others.
        words: labels that are shown at most; after `first` the most frequent ones.
        points: that are shown at most, drawn evenly over the labels.
        neighbours: whether t-SNE is computed; its time grows with the points.
        seed: of the draw and of t-SNE.

    Source: van der Maaten and Hinton 2008, "Visualizing data using t-SNE".
    """
    names, counts = np.unique(labels, return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")].tolist()
    shown = [*(name for name in first if name in frequent), *(name for name in frequent if name not in first)][:words]
    generator = np.random.default_rng(seed)
    chosen = []
    for name in shown:
        rows = np.flatnonzero(labels == name)
        chosen.append(np.sort(generator.permutation(rows)[: max(points // len(shown), 1)]))
    rows = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    if len(rows) < LEAST_POINTS:
        return None
    centred = np.asarray(embeddings[rows], np.float64)
    centred = centred - centred.mean(axis=0)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(right[:2][np.arange(2), np.abs(right[:2]).argmax(axis=1)])
    power = np.square(sizes)
    total = max(float(power.sum()), 1e-12)
    principal = left[:, :2] * sizes[:2] * signs
    near = _neighbours(centred, seed) if neighbours else None
    return EmbeddingMap(labels[rows], principal, (float(power[0] / total), float(power[1] / total)), near)


def _neighbours(centred: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE  # here: heavy, and only reports draw maps

    perplexity = min(30.0, (len(centred) - 1) / 3)
    found: NDArray[np.float64] = TSNE(
        perplexity=perplexity, init="pca", learning_rate="auto", max_iter=500, random_state=seed, n_jobs=1
    ).fit_transform(centred)
    return found
