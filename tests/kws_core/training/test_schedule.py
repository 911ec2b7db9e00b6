"""Learning rates against tables written by hand."""

import pytest

from kws_core.config import TrainingConfig
from kws_core.training.schedule import learning_rate, plateau_factor

PLATEAU = TrainingConfig(epochs=20, schedule="plateau", learning_rate=1.0, warm_up_epochs=0)


@pytest.mark.parametrize(
    ("costs", "reductions"),
    [
        ([], 0),
        ([0.5], 0),
        ([0.5, 0.49], 0),
        ([0.5, 0.496], 1),
        ([0.5, 0.5, 0.6, 0.4], 2),
        ([0.5, 0.4, 0.45, 0.41, 0.397], 3),
        ([0.5, 0.4, 0.45, 0.41, 0.395], 2),
        ([0.5, 0.0, 0.0], 0),
    ],
)
def test_plateau_lowers_the_rate_by_each_epoch_without_one_percent_of_gain(costs, reductions):
    assert plateau_factor(PLATEAU, costs) == pytest.approx(0.7**reductions)
    assert learning_rate(PLATEAU, len(costs), 3, 7, costs) == pytest.approx(0.7**reductions)


def test_epochs_of_the_warm_up_are_not_held_against_the_rate():
    training = PLATEAU.model_copy(update={"warm_up_epochs": 2.5})
    assert plateau_factor(training, [0.5, 0.6, 0.7]) == 1
    assert plateau_factor(training, [0.5, 0.6, 0.7, 0.5]) == pytest.approx(0.7)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
@pytest.mark.parametrize("warm_up", [0.5, 1.5, 3.0])
def test_the_warm_up_rises_by_equal_steps_to_the_rate(schedule, warm_up):
    training = TrainingConfig(epochs=8, schedule=schedule, warm_up_epochs=warm_up, learning_rate=0.2)
    rates = [learning_rate(training, step // 10, step % 10, 10, []) for step in range(80)]
    rising = int(10 * warm_up)
    for step in range(rising):
        assert rates[step] == pytest.approx(0.2 * (step + 1) / rising)
    assert rates[rising] == pytest.approx(0.2)
    if schedule == "constant":
        assert set(rates[rising:]) == {0.2}


def test_a_run_no_longer_than_its_warm_up_has_none():
    training = TrainingConfig(epochs=2, schedule="constant", warm_up_epochs=2, learning_rate=0.2)
    assert [learning_rate(training, epoch, step, 4, []) for epoch in range(2) for step in range(4)] == [0.2] * 8
