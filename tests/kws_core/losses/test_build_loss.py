"""Every loss that a configuration can name."""

from typing import get_args

import pytest
import torch
from loss_helpers import EPISODE, batch

from kws_core.config import FOREIGN, LossConfig, OwnLoss
from kws_core.errors import ConfigError, TrainingError
from kws_core.losses import CLASSIFIERS, Loss, Triplet, build_loss

COUNTS = torch.tensor([5, 2, 9])


@pytest.mark.parametrize("name", get_args(OwnLoss))
def test_every_name_builds_a_loss_that_learns(name):
    torch.manual_seed(0)
    loss = build_loss(LossConfig(name=name, margin=0.7), 5, 3, COUNTS)
    assert isinstance(loss, Loss)
    assert loss.has_logits == (name in CLASSIFIERS)
    loss.ramp(0.5)
    embeddings, labels = batch(EPISODE, torch.float32)
    if loss.has_logits:
        assert loss.logits(embeddings).shape == (9, 3)
    optimizer = torch.optim.SGD([embeddings, *loss.parameters()], lr=1e-2)
    values = []
    for _ in range(5):
        optimizer.zero_grad()
        values.append(loss(embeddings, labels))
        values[-1].backward()
        optimizer.step()
    assert values[-1] < values[0]


@pytest.mark.parametrize("name", get_args(OwnLoss))
def test_equal_seeds_give_equal_weights(name):
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build_loss(LossConfig(name=name), 5, 3, COUNTS).state_dict())
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_settings_reach_their_losses():
    triplet = build_loss(LossConfig(name="triplet", margin=1.0, mining="semi_hard"), 5, 3)
    assert isinstance(triplet, Triplet)
    assert (triplet.margin, triplet.mining) == (1.0, "semi_hard")
    assert build_loss(LossConfig(name="supervised_contrastive", temperature=0.4), 5, 3).temperature == 0.4
    assert build_loss(LossConfig(name="angular", angle_degrees=50), 5, 3).angle_degrees == 50
    assert build_loss(LossConfig(name="contrastive", margin=1.5), 5, 3).margin == 1.5
    for name in ("am_softmax", "aam_softmax"):
        loss = build_loss(LossConfig(name=name, margin=0.3, scale=12), 5, 3)
        assert (loss.margin, loss.scale) == (0.3, 12)
    assert build_loss(LossConfig(name="normalised_softmax", scale=12), 5, 3).scale == 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "am_softmax", "margin": 1}, "loss.margin is 1: am_softmax takes at least 0 and below 1"),
        ({"name": "aam_softmax", "margin": 1.5}, "loss.margin is 1.5: aam_softmax takes at least 0 and below 1"),
        ({"name": "triplet", "margin": 0}, "loss.margin is 0: triplet takes above 0 and up to 2"),
        ({"name": "contrastive", "margin": 2.5}, "loss.margin is 2.5: contrastive takes above 0 and up to 2"),
        ({"name": "softmax", "options": {"s": 1}}, "loss.options holds 's': options are for"),
        *(
            ({"name": name, "non_targets": "negatives_only"}, f"negatives_only: {name} is a classifier and takes")
            for name in sorted(CLASSIFIERS)
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        build_loss(LossConfig(**settings), 5, 3, COUNTS)


def test_weighted_softmax_needs_the_counts_of_all_classes():
    config = LossConfig(name="weighted_softmax")
    with pytest.raises(TrainingError, match="weighted_softmax needs the segment counts of all 3 classes, not none"):
        build_loss(config, 5, 3)
    with pytest.raises(TrainingError, match="all 3 classes, not 2"):
        build_loss(config, 5, 3, torch.tensor([1, 2]))


def test_foreign_names_reach_the_library():
    pytest.importorskip("pytorch_metric_learning")
    loss = build_loss(LossConfig(name=FOREIGN + "CosFaceLoss", options={"scale": 7}), 5, 3)
    assert loss.loss.scale == 7
