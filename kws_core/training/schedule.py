"""Learning rates: a function of the place in the run and of the costs so far, so that a resumed run needs no more."""

import math
from collections.abc import Sequence

from kws_core.config import TrainingConfig


def learning_rate(training: TrainingConfig, epoch: int, step: int, steps: int, costs: Sequence[float]) -> float:
    """The rate of a step; epochs and steps count from 0, `steps` is of this epoch, `costs` of the epochs before it.

    It rises linearly over `warm_up_epochs` (not at all in a run no longer than that), then follows the schedule:
    cosine, half a period down to 0 at the end of the run; constant; plateau, see `plateau_factor`.
    """
    warm_up = training.warm_up_epochs if training.warm_up_epochs < training.epochs else 0.0
    place = epoch + step / steps
    if place < warm_up:
        return training.learning_rate * min((place + 1 / steps) / warm_up, 1.0)
    if training.schedule == "cosine":
        done = (place - warm_up) / (training.epochs - warm_up)
        return training.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    if training.schedule == "plateau":
        return training.learning_rate * plateau_factor(training, costs)
    return training.learning_rate


def plateau_factor(training: TrainingConfig, costs: Sequence[float]) -> float:
    """`plateau_factor` once for each epoch whose cost fell by less than the share `plateau_gain` of the lowest before.

    Epochs that began during the warm-up are not held against the rate.
    Source: Ma et al., x 0.7 when the development accuracy improves by less than 1 %.
    """
    factor = 1.0
    for epoch in range(max(1, math.ceil(training.warm_up_epochs)), len(costs)):
        lowest = min(costs[:epoch])
        if lowest - costs[epoch] < training.plateau_gain * lowest:
            factor *= training.plateau_factor
    return factor
