"""Losses of pytorch-metric-learning by name."""

import sys

import pytest
import torch
from loss_helpers import EPISODE, NOTHING_TO_COMPARE, WITH_NON_TARGETS, batch, check_zero_with_graph

from kws_core.config import FOREIGN, LossConfig
from kws_core.errors import ConfigError, TrainingError
from kws_core.losses import Foreign, build_loss

PAIRS = (
    "ContrastiveLoss",
    "MultiSimilarityLoss",
    "CircleLoss",
    "TripletMarginLoss",
    "NTXentLoss",
    "NCALoss",
    "FastAPLoss",
)
CLASSIFIERS = ("ArcFaceLoss", "NormalizedSoftmaxLoss", "SubCenterArcFaceLoss", "ProxyAnchorLoss", "P2SGradLoss")


@pytest.fixture
def foreign_losses():
    return pytest.importorskip("pytorch_metric_learning.losses")


def build(name, **options):
    return build_loss(LossConfig(name=FOREIGN + name, options=options), 5, 3)


def step(loss, embeddings, labels):
    optimizer = torch.optim.SGD([embeddings, *loss.parameters()], lr=1e-3)
    before = loss(embeddings, labels)
    before.backward()
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad.abs().max() > 0
    optimizer.step()
    assert loss(embeddings, labels) < before


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("labels", [EPISODE, WITH_NON_TARGETS])
def test_pair_losses_learn(foreign_losses, name, labels):
    torch.manual_seed(0)
    loss = build(name)
    assert not loss.classifies
    assert not loss.has_logits
    step(loss, *batch(labels, torch.float32))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_get_their_sizes_and_refuse_non_targets(foreign_losses, name):
    torch.manual_seed(0)
    loss = build(name)
    assert loss.classifies
    assert list(loss.parameters())
    step(loss, *batch(EPISODE, torch.float32))
    with pytest.raises(TrainingError, match=f"{name} is a classifier and cannot take non-targets"):
        loss(*batch((0, -1), torch.float32))
    with pytest.raises(ConfigError, match=r"loss.non_targets is negatives_only: .* is a classifier"):
        build_loss(LossConfig(name=FOREIGN + name, non_targets="negatives_only"), 5, 3)


def test_logits_are_those_of_the_loss(foreign_losses):
    loss = build("ArcFaceLoss", scale=20)
    embeddings, _ = batch(EPISODE, torch.float32)
    assert loss.has_logits
    cosines = torch.nn.functional.normalize(embeddings) @ torch.nn.functional.normalize(loss.loss.W, dim=0)
    torch.testing.assert_close(loss.logits(embeddings), 20 * cosines)
    with pytest.raises(NotImplementedError, match="Foreign has no logits"):
        build("ContrastiveLoss").logits(embeddings)


def test_options_reach_the_loss_in_its_types(foreign_losses):
    loss = build("TripletMarginLoss", margin=0.3, swap=1.0)
    assert (loss.loss.margin, loss.loss.swap) == (0.3, True)
    embeddings, labels = batch(EPISODE)
    torch.testing.assert_close(
        loss(embeddings, labels), foreign_losses.TripletMarginLoss(margin=0.3, swap=True)(embeddings, labels)
    )
    assert type(build("FastAPLoss", num_bins=7.0).loss.num_bins) is int
    assert build("RankedListLoss", margin=0.4, Tn=3.0).loss.margin == 0.4
    assert build("MarginLoss", learn_beta=1, num_classes=3).loss.beta.shape == (3,)


def test_non_targets_are_positives_of_nothing(foreign_losses):
    embeddings, labels = batch((0, 0, -1, -1, 2))
    alone = torch.tensor([0, 0, 8, 9, 2])
    for name in ("ContrastiveLoss", "SupConLoss", "MultiSimilarityLoss"):
        expected = getattr(foreign_losses, name)()(embeddings, alone)
        torch.testing.assert_close(build(name)(embeddings, labels), expected)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("labels", NOTHING_TO_COMPARE)
def test_a_batch_without_two_samples_of_a_class_is_a_zero_with_a_graph(foreign_losses, name, labels):
    check_zero_with_graph(build(name), labels)


def test_building_draws_the_weights_and_nothing_more(foreign_losses):
    torch.manual_seed(3)
    weights, after = foreign_losses.ArcFaceLoss(3, 5).W, torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(build("ArcFaceLoss").loss.W, weights)
    assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("NoSuchLoss", {}, r"NoSuchLoss is no loss of that package: <Class> is one of AngularLoss, ArcFaceLoss"),
        ("CrossBatchMemory", {}, "CrossBatchMemory is no loss of that package"),
        ("ContrastiveLoss", {"margin": 1}, r"loss.options: ContrastiveLoss has no option 'margin': use .*neg_margin"),
        ("ArcFaceLoss", {"num_classes": 4}, "ArcFaceLoss has no option 'num_classes'"),
        ("RankedListLoss", {}, r"RankedListLoss cannot be used so: .*missing 2 required positional arguments"),
        ("SelfSupervisedLoss", {}, r"SelfSupervisedLoss cannot be used so: .*missing"),
        ("VICRegLoss", {}, "VICRegLoss cannot be used so: VICRegLoss refuses a batch: labels"),
        ("DynamicSoftMarginLoss", {}, "DynamicSoftMarginLoss cannot be used so: Trying to backward"),
        ("ContrastiveLoss", {"distance": 1}, "ContrastiveLoss cannot be used so"),
    ],
)
def test_what_cannot_be_used_is_said(foreign_losses, name, options, message):
    with pytest.raises(ConfigError, match=message):
        build(name, **options)


def test_a_batch_that_the_loss_refuses_is_said(foreign_losses):
    with pytest.raises(TrainingError, match="SmoothAPLoss refuses a batch: All classes must have the same number"):
        build("SmoothAPLoss")(*batch((0, 0, 0, 1, 1)))


def test_a_missing_package_is_said_with_its_installation(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning.losses", None)
    with pytest.raises(ConfigError, match=r"ArcFaceLoss needs pytorch-metric-learning: pip install pytorch-metric"):
        Foreign(FOREIGN + "ArcFaceLoss", 5, 3, {})
