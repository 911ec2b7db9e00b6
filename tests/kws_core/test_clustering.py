import numpy as np
import pytest

from kws_core import clustering
from kws_core.clustering import MAX_CLUSTERS, cluster_count, pseudo_classes
from kws_core.errors import TrainingError


def groups(count, seed=0, spread=0.05):
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(4, 6))
    own = random.integers(0, 4, count)
    return (centres[own] + spread * random.normal(size=(count, 6))).astype(np.float32), own


@pytest.mark.parametrize("mini_batch", [False, True])
def test_separate_groups_become_the_clusters(mini_batch, monkeypatch):
    if mini_batch:
        monkeypatch.setattr(clustering, "_MINI_BATCH_ROWS", 10)
    embeddings, own = groups(300)
    labels = pseudo_classes(embeddings, 4, seed=0)
    assert labels.dtype == np.int64
    assert len({*zip(labels.tolist(), own.tolist(), strict=True)}) == 4
    assert sorted(set(labels.tolist())) == [0, 1, 2, 3]


@pytest.mark.parametrize("mini_batch", [False, True])
def test_equal_inputs_give_equal_labels_and_every_row_is_nearest_its_own_mean(mini_batch, monkeypatch):
    if mini_batch:
        monkeypatch.setattr(clustering, "_MINI_BATCH_ROWS", 10)
    embeddings = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    labels = pseudo_classes(embeddings, 12, seed=3)
    np.testing.assert_array_equal(labels, pseudo_classes(embeddings, 12, seed=3))
    assert labels.tolist() != pseudo_classes(embeddings, 12, seed=4).tolist()
    used = sorted(set(labels.tolist()))
    assert used == list(range(len(used)))
    means = np.stack([embeddings[labels == label].mean(axis=0) for label in used])
    nearest = np.linalg.norm(embeddings[:, None] - means[None], axis=2).argmin(axis=1)
    assert (nearest == labels).mean() > (0.7 if mini_batch else 0.99)


@pytest.mark.parametrize(
    ("background", "rare", "wanted"),
    [(1000, [100, 100], 10), (1000, [50, 150, 100], 10), (94, [10], 9), (30, [100], 1), (1, [1], 1), (9, [1], 4)],
)
def test_clusters_are_about_the_size_of_the_rare_classes(background, rare, wanted):
    assert cluster_count(background, rare) == wanted


def test_there_are_not_more_clusters_than_sensible():
    assert cluster_count(10**7, [1, 2]) == MAX_CLUSTERS


def test_what_cannot_be_clustered_is_refused():
    embeddings, _ = groups(20)
    with pytest.raises(TrainingError, match="between 1 and 20, the distinct embeddings, not 21"):
        pseudo_classes(embeddings, 21, seed=0)
    with pytest.raises(TrainingError, match="between 1 and 1, the distinct embeddings, not 2"):
        pseudo_classes(np.ones((5, 3), np.float32), 2, seed=0)
    with pytest.raises(TrainingError, match="not 0"):
        pseudo_classes(embeddings, 0, seed=0)
    with pytest.raises(TrainingError, match="finite"):
        pseudo_classes(np.full((5, 3), np.nan, np.float32), 2, seed=0)
    with pytest.raises(TrainingError, match="background to split, not 0"):
        cluster_count(0, [3])
    with pytest.raises(TrainingError, match=r"must all have rows, not \[\]"):
        cluster_count(10, [])
    with pytest.raises(TrainingError, match=r"not \[3, 0\]"):
        cluster_count(10, [3, 0])
