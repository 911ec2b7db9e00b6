"""What a training run says of itself: figures of every epoch, and what it delivers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kws_core.encoders import Encoder
from kws_core.losses import Loss


@dataclass(frozen=True)
class EpochReport:
    """Figures after one epoch; epochs count from 1. What was not measured is NaN."""

    epoch: int
    loss: float
    """Mean over the steps of the epoch."""
    development_eer: float = math.nan
    """Mean over the development pair lists."""
    development_frr: float = math.nan
    """FRR at FAR 2 %, mean over the development pair lists."""
    development_error: float = math.nan
    """Balanced error of the loss's own classifier: mean over the classes of the share of their segments it misses."""
    cost: float = math.nan
    """The figure that is minimised: `development_eer`, or `development_error` where classes are judged."""
    stage: str = ""
    """The stage of a strategy of several."""

    def plain(self) -> dict[str, Any]:
        """The figures by name, as JSON takes them: None for what was not measured."""
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "EpochReport":
        """The report that `plain` describes; equal to it."""
        named: dict[str, Any] = {name: math.nan if value is None else value for name, value in values.items()}
        return cls(**named)


OnEpoch = Callable[[EpochReport, Callable[[], bytes]], None]
"""Called after each epoch with its figures and a function that makes a checkpoint."""


@dataclass(frozen=True)
class FitResult:
    """A trained encoder and how it came about."""

    encoder: Encoder
    """In evaluation mode, on the device that it was trained on."""
    loss: Loss
    history: list[EpochReport]
    delivered: EpochReport
    """The figures of the weights that are delivered: the last epoch's, or the best one's under early stopping."""
