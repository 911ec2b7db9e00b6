"""Prototypical loss against its formula."""

import pytest
from loss_helpers import (
    DTYPES,
    EPISODE,
    LABELS,
    NOTHING_TO_COMPARE,
    WITH_NON_TARGETS,
    batch,
    check,
    check_slopes,
    check_zero_with_graph,
    distance,
    mean,
    mean_vector,
    minus_log_softmax,
    rows,
)

from kws_core.losses import Prototypical


def naive(embeddings, labels, score):
    """Also angular prototypical's, with another score."""
    points = rows(embeddings)
    queries, prototypes = [], []
    for label in sorted(set(labels) - {-1}):
        members = [point for point, own in zip(points, labels, strict=True) if own == label]
        if len(members) > 1:
            queries.append(members[-1])
            prototypes.append(mean_vector(members[:-1]))
    columns = prototypes + [point for point, own in zip(points, labels, strict=True) if own == -1]
    return mean(
        minus_log_softmax([score(query, column) for column in columns], place) for place, query in enumerate(queries)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
def test_equals_the_formula(dtype, labels):
    embeddings, label_tensor = batch(labels, dtype)
    expected = naive(embeddings, labels, lambda first, second: -(distance(first, second) ** 2))
    check(Prototypical(), embeddings, label_tensor, expected)


@pytest.mark.parametrize("labels", NOTHING_TO_COMPARE)
def test_a_batch_without_queries_is_a_zero_with_a_graph(labels):
    check_zero_with_graph(Prototypical(), labels)


@pytest.mark.parametrize("labels", [EPISODE, WITH_NON_TARGETS])
def test_slopes(labels):
    check_slopes(Prototypical(), *batch(labels, size=0.3))


def test_non_targets_are_pushed_off_queries_and_not_drawn_to_each_other():
    embeddings, labels = batch((0, 0, -1, -1), dim=2)
    Prototypical()(embeddings, labels).backward()
    for place in (2, 3):
        away = embeddings[place] - embeddings[1]
        step = -embeddings.grad[place]
        assert (step @ away).item() == pytest.approx((step.norm() * away.norm()).item())  # straight away from the query
