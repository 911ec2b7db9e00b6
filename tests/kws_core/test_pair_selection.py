"""Pair selection: the three ways for non-targets into training, with every metric loss."""

import numpy as np
import pytest
import torch

from kws_core.config import LossConfig
from kws_core.errors import TrainingError
from kws_core.losses import build_loss
from kws_core.pair_selection import UNKNOWN, select_pairs

NAMES = ("bird", "go", "house", "yes")
TARGETS = ("yes", "go")
IDS = np.array([3, 0, 1, 2, -1, 3, 1, 0])
METRIC_LOSSES = (
    "contrastive",
    "triplet",
    "prototypical",
    "angular_prototypical",
    "ap_fc",
    "supervised_contrastive",
    "angular",
)


def test_own_class_changes_nothing():
    labels, names = select_pairs(IDS, NAMES, TARGETS, "own_class")
    assert names == NAMES
    assert np.array_equal(labels, IDS)
    assert labels is not IDS
    assert select_pairs(IDS, NAMES, (), "own_class")[1] == NAMES


@pytest.mark.parametrize("mode", ["unknown_cluster", "negatives_only"])
def test_row_by_row(mode):
    before = IDS.copy()
    labels, names = select_pairs(IDS, NAMES, TARGETS, mode)
    assert names == (("yes", "go", UNKNOWN) if mode == "unknown_cluster" else ("yes", "go"))
    assert labels.dtype == np.int64
    for label_id, label in zip(IDS, labels, strict=True):
        word = NAMES[label_id] if label_id >= 0 else None
        if word in TARGETS:
            assert names[label] == word
        elif word is None or mode == "negatives_only":
            assert label == -1
        else:
            assert names[label] == UNKNOWN
    assert np.array_equal(IDS, before)


def test_no_rows_and_all_targets():
    empty = np.array([], np.int64)
    assert select_pairs(empty, NAMES, TARGETS, "unknown_cluster")[0].shape == (0,)
    labels, names = select_pairs(np.array([0, 1]), ("go", "yes"), TARGETS, "negatives_only")
    assert (labels.tolist(), names) == ([1, 0], TARGETS)


@pytest.mark.parametrize(
    ("ids", "targets", "mode", "message"),
    [
        ([0, 4], TARGETS, "own_class", "label id 4 has no name: -1 to 3 are accepted"),
        ([-2], TARGETS, "own_class", "label id -2 has no name"),
        ([0], ("yes", "stop"), "unknown_cluster", "target 'stop' is not among the 4 training classes"),
        ([0], ("yes", "yes"), "negatives_only", "target 'yes' is named twice"),
        ([0], (), "negatives_only", "no targets: without any, loss.non_targets can only be own_class"),
        ([0], NAMES, "unknown_cluster", "loss.non_targets is unknown_cluster, but all classes are targets"),
    ],
)
def test_what_cannot_be_selected_is_said(ids, targets, mode, message):
    with pytest.raises(TrainingError, match=message):
        select_pairs(np.array(ids), NAMES, targets, mode)


@pytest.mark.parametrize("mode", ["own_class", "unknown_cluster", "negatives_only"])
@pytest.mark.parametrize("name", METRIC_LOSSES)
def test_every_metric_loss_learns_in_every_mode(name, mode):
    torch.manual_seed(0)
    labels, names = select_pairs(np.arange(16) % 4, NAMES, TARGETS, mode)
    layer = torch.nn.Linear(6, 5)
    loss = build_loss(LossConfig(name=name, margin=0.5, non_targets=mode), 5, len(names))
    optimizer = torch.optim.SGD([*layer.parameters(), *loss.parameters()], lr=1e-2)
    samples = torch.randn(16, 6)
    before = loss(layer(samples), torch.from_numpy(labels))
    before.backward()
    assert layer.weight.grad.isfinite().all()
    assert layer.weight.grad.abs().max() > 0
    optimizer.step()
    assert loss(layer(samples), torch.from_numpy(labels)) < before


@pytest.mark.parametrize("mode", ["unknown_cluster", "negatives_only"])
@pytest.mark.parametrize("name", METRIC_LOSSES)
def test_only_an_unknown_cluster_draws_non_targets_together(name, mode):
    """The second non-target alone lies along the last axis: without a cluster the first is not moved along it."""
    labels, names = select_pairs(np.array([3, 3, 1, 1, 0, 2]), NAMES, TARGETS, mode)
    embeddings = torch.eye(5)[[0, 0, 1, 1, 2, 4]] + 0.2 * torch.eye(5)[[2, 3, 0, 3, 0, 1]]
    embeddings.requires_grad_()
    torch.manual_seed(0)
    loss = build_loss(LossConfig(name=name, margin=1.9, mining="all"), 5, len(names))
    if name == "ap_fc":  # its cluster is a learned direction
        loss.weight.data[:, 4] = torch.tensor([0.0, 0.0, 1.0])[: len(names)]
    loss(embeddings, torch.from_numpy(labels)).backward()
    assert embeddings.grad[4].abs().max() > 1e-7
    drawn = -embeddings.grad[4, 4].item()
    assert drawn > 1e-7 if mode == "unknown_cluster" else drawn == 0
