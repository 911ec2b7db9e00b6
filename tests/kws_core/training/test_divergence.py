"""What counts as a loss that has diverged."""

import pytest
import torch

from kws_core.errors import TrainingError
from kws_core.training.divergence import LossWatch

CPU = torch.device("cpu")


def feed(values, first_epoch_loss=None, epoch=0):
    watch = LossWatch(epoch, len(values), first_epoch_loss, 0.01, CPU)
    for step, value in enumerate(values):
        watch.add(step, torch.tensor(value))
    return watch.mean()


def test_the_mean_is_that_of_all_steps():
    assert feed([1.0, 2.0, 6.0]) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("values", "first", "step"),
    [
        ([1.0, float("nan")], None, 2),
        ([float("inf")], None, 1),
        ([1.0, float("-inf"), 1.0], 2.0, 2),
        ([3.0, 2.9e4, 3.1e4], None, 3),
        ([1.0, 2.1e4], 2.0, 2),
        ([0.001, 1.1e4], 0.001, 2),
    ],
)
def test_the_step_is_named(values, first, step):
    with pytest.raises(TrainingError, match=rf"in epoch 3, step {step}: lower training\.learning_rate \(0\.01\)"):
        feed(values, first, epoch=2)


@pytest.mark.parametrize(("values", "first"), [([3.0, 2.9e4], None), ([1.9e4], 2.0), ([0.0001, 9000.0], 0.0001)])
def test_a_loss_may_grow_by_less(values, first):
    assert feed(values, first) == pytest.approx(sum(values) / len(values))
