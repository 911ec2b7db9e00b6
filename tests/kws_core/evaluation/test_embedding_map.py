"""The map of embeddings: which points, and where."""

import numpy as np
import pytest

from kws_core.evaluation.embedding_map import embedding_map

SETTINGS = {"words": 3, "points": 30, "neighbours": True, "seed": 0}


def clusters(counts):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(counts), 16))
    labels = np.repeat([f"word {n}" for n in range(len(counts))], counts)
    embeddings = np.repeat(centres, counts, axis=0) + 0.05 * rng.normal(size=(sum(counts), 16))
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), labels


def test_the_words_asked_for_and_the_most_frequent_evenly():
    embeddings, labels = clusters([40, 5, 20, 30])
    found = embedding_map(embeddings, labels, ("word 1",), **SETTINGS)
    names, counts = np.unique(found.labels, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"word 0": 10, "word 1": 5, "word 3": 10}
    again = embedding_map(embeddings, labels, ("word 1",), **SETTINGS)
    np.testing.assert_array_equal(found.principal, again.principal)
    np.testing.assert_array_equal(found.neighbours, again.neighbours)


@pytest.mark.parametrize("plane", ["principal", "neighbours"])
def test_segments_of_a_word_lie_together(plane):
    found = embedding_map(*clusters([12, 12, 12]), (), **{**SETTINGS, "points": 36})
    positions = getattr(found, plane)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2) + 1e9 * np.eye(36)
    assert (found.labels[distance.argmin(axis=1)] == found.labels).all()


def test_the_variance_is_that_of_the_singular_values():
    embeddings, labels = clusters([12, 12, 12])
    found = embedding_map(embeddings, labels, (), **{**SETTINGS, "points": 36, "neighbours": False})
    values = np.linalg.eigvalsh(np.cov(embeddings.T.astype(np.float64)))[::-1]
    np.testing.assert_allclose(found.variance, values[:2] / values.sum(), rtol=1e-9)
    assert found.neighbours is None


def test_too_few_points_make_no_map():
    assert embedding_map(*clusters([4, 5]), (), **SETTINGS) is None
