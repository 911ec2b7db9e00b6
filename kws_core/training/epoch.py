"""One epoch of steps."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kws_core.config import TrainingConfig
from kws_core.training.batch_loss import BatchLoss
from kws_core.training.batches import BatchSource
from kws_core.training.distributed import Ranks
from kws_core.training.divergence import LossWatch
from kws_core.training.schedule import learning_rate
from kws_core.training.state import TrainingState


@dataclass(frozen=True)
class EpochLoop:
    """What is the same in every epoch of a run."""

    training: TrainingConfig
    source: BatchSource
    rows: NDArray[np.int64]
    """Training rows of the data, in the order that batches count them."""
    labels: torch.Tensor
    """Training class of each of `rows`."""
    autocast: torch.autocast
    freeze_encoder: bool
    """The encoder is left as it is, statistics of its normalisation included; only the loss learns."""
    device: torch.device
    ranks: Ranks = field(default_factory=Ranks)
    """Processes that share the rows of every batch; all of them run the same steps."""

    def run(
        self, state: TrainingState, epoch: int, batches: list[NDArray[np.int64]], generator: torch.Generator
    ) -> float:
        """Train on the batches, which hold positions in `rows`; returns the mean loss. Epochs count from 0.

        Raises:
            TrainingError: the loss is not finite or has exploded.
        """
        encoder, loss, optimiser = state.encoder(), state.loss(), state.optimiser
        encoder.train(not self.freeze_encoder)
        loss.train()
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        costs = [report.cost for report in state.history]
        first_loss = state.history[0].loss if state.history else None
        watch = LossWatch(epoch, len(batches), first_loss, self.training.learning_rate, self.device)
        batch_loss = BatchLoss(encoder, loss, self.autocast, self.freeze_encoder, self.ranks)
        with batch_loss.in_force():
            for step, positions in enumerate(batches):
                rate = learning_rate(self.training, epoch, step, len(batches), costs)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                # every rank augments the whole batch: rows lend each other their surroundings
                features = self.source(self.rows[positions], generator)
                labels = self.labels[positions].to(self.device, non_blocking=True)
                value = batch_loss(features, labels)
                optimiser.zero_grad(set_to_none=True)
                value.backward()
                self.ranks.average_gradients(parameters)
                nn.utils.clip_grad_norm_(parameters, self.training.clip_norm)
                optimiser.step()
                if state.average is not None:
                    state.average.update()
                watch.add(step, value)
        return watch.mean()
