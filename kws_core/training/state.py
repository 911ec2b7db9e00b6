"""Everything of a run that changes from step to step, and its checkpoint."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kws_core.encoders import Encoder
from kws_core.errors import TrainingError
from kws_core.losses import Loss
from kws_core.training.checkpoint import read_checkpoint, write_checkpoint
from kws_core.training.ema import MovingAverage
from kws_core.training.report import EpochReport

FORMAT = "kws-foundry training 1"


@dataclass
class TrainingState:
    """Encoder, loss, optimiser, moving average, best weights and history of a run."""

    identity: Mapping[str, Any]
    """What a checkpoint must have been made with to fit: the configuration, the seed and the size of the data."""
    modules: nn.ModuleDict
    """`encoder` and `loss`."""
    optimiser: torch.optim.Optimizer
    average: MovingAverage | None
    keep_best: bool
    history: list[EpochReport] = field(default_factory=list)
    best: dict[str, Tensor] | None = None

    @property
    def judged(self) -> nn.ModuleDict:
        """The modules that are judged and delivered: the moving average where there is one."""
        return self.modules if self.average is None else self.average.modules

    def encoder(self, judged: bool = False) -> Encoder:
        """The encoder that is trained, or the one that is judged."""
        encoder = (self.judged if judged else self.modules)["encoder"]
        assert isinstance(encoder, Encoder)  # noqa: S101 - for the type checker
        return encoder

    def loss(self, judged: bool = False) -> Loss:
        """The loss that is trained, or the one that is judged."""
        loss = (self.judged if judged else self.modules)["loss"]
        assert isinstance(loss, Loss)  # noqa: S101 - for the type checker
        return loss

    @property
    def best_epoch(self) -> int:
        """The first epoch of the lowest cost, counted from 1; 0 before the first."""
        costs = [report.cost for report in self.history]
        return costs.index(min(costs)) + 1 if costs else 0

    def record(self, report: EpochReport) -> None:
        """Take the figures of an epoch, and its weights if they are the best so far."""
        self.history.append(report)
        if self.keep_best and self.best_epoch == report.epoch:
            self.best = copy.deepcopy(self.judged.state_dict())

    def deliver(self) -> tuple[Encoder, Loss, EpochReport]:
        """The weights to deliver, in evaluation mode, and their figures."""
        delivered = self.history[-1]
        if self.keep_best and self.best is not None:
            self.judged.load_state_dict(self.best)
            delivered = self.history[self.best_epoch - 1]
        self.judged.requires_grad_(True).eval()
        return self.encoder(judged=True), self.loss(judged=True), delivered

    def dump(self) -> bytes:
        """Make a checkpoint."""
        average = self.average
        return write_checkpoint(
            {
                "modules": self.modules.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "average": None if average is None else average.modules.state_dict(),
                "average_steps": 0 if average is None else average.steps,
                "best": self.best,
                "history": [report.plain() for report in self.history],
            },
            FORMAT,
            self.identity,
        )

    def load(self, content: bytes) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is damaged, no checkpoint of `fit()`, or of another configuration.
        """
        saved = read_checkpoint(content, FORMAT, self.identity)
        try:
            self.modules.load_state_dict(saved["modules"])
            self.optimiser.load_state_dict(saved["optimiser"])
            if self.average is not None:
                self.average.modules.load_state_dict(saved["average"])
                self.average.steps = saved["average_steps"]
            self.best = saved["best"]
            self.history[:] = [EpochReport.from_plain(report) for report in saved["history"]]
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise TrainingError(f"the checkpoint does not fit the run that would go on from it: {reason}") from error
