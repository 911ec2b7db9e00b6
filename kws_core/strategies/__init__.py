"""Training strategies: in how many stages, and from which weights, an encoder is trained."""

from kws_core.config import StrategyConfig, TrainingSpec
from kws_core.strategies.fine_tune import fine_tune
from kws_core.strategies.two_stage import two_stage
from kws_core.training import FitResult, OnEpoch, fit
from kws_core.training_data import TrainingData

__all__ = ["fine_tune", "train", "two_stage"]


def train(
    data: TrainingData,
    spec: TrainingSpec,
    strategy: StrategyConfig,
    seed: int,
    on_epoch: OnEpoch | None = None,
    checkpoint: bytes | None = None,
    device: str = "cpu",
) -> FitResult:
    """Train by the strategy that the configuration names; the other arguments are those of `fit()`.

    A checkpoint is of the strategy that made it: only the same strategy goes on from it.

    Raises:
        TrainingError: as `fit()` does, or the data does not suit the strategy.
        BundleError: fine_tune's bundle is missing or damaged.
    """
    match strategy.name:
        case "single_stage":
            return fit(data, spec, seed, on_epoch, checkpoint, device)
        case "fine_tune":
            return fine_tune(data, spec, strategy, seed, on_epoch, checkpoint, device)
        case "two_stage":
            return two_stage(data, spec, strategy, seed, on_epoch, checkpoint, device)
