"""Queries and prototypes of a batch."""

import pytest
from loss_helpers import LABELS, batch, mean_vector, rows

from kws_core.losses.episode import split_episode


@pytest.mark.parametrize("labels", LABELS)
def test_the_last_sample_of_each_class_is_its_query(labels):
    embeddings, label_tensor = batch(labels)
    episode = split_episode(embeddings, label_tensor)
    points = rows(embeddings)
    queries, prototypes = [], []
    for label in sorted(set(labels) - {-1}):
        members = [point for point, own in zip(points, labels, strict=True) if own == label]
        if len(members) > 1:
            queries.append(members[-1])
            prototypes.append(mean_vector(members[:-1]))
    assert rows(episode.queries) == queries
    assert len(episode.prototypes) == len(prototypes)
    for row, expected in zip(rows(episode.prototypes), prototypes, strict=True):
        assert row == pytest.approx(expected)
    assert rows(episode.non_targets) == [point for point, own in zip(points, labels, strict=True) if own == -1]


def test_single_samples_make_no_episode():
    embeddings, labels = batch((0, 1, -1))
    episode = split_episode(embeddings, labels)
    assert [len(episode.queries), len(episode.prototypes), len(episode.non_targets)] == [0, 0, 1]
