"""Notices a loss that is not finite or explodes, and names the step."""

import numpy as np
import torch
from torch import Tensor

from kws_core.errors import TrainingError

EXPLOSION = 1e4
"""A loss above this many times the reference has diverged; it could hardly come back."""
GPU_INTERVAL = 50
"""Steps between looks at losses that lie on a GPU: each look waits for it."""


class LossWatch:
    """The losses of one epoch, held on the device.

    The reference of an explosion is the mean loss of the first epoch (in that epoch: its first step), at least 1:
    losses that begin near 0 may grow by a large factor and mean nothing.
    """

    def __init__(
        self, epoch: int, steps: int, first_epoch_loss: float | None, learning_rate: float, device: torch.device
    ) -> None:
        self.epoch, self.learning_rate, self.first_epoch_loss = epoch, learning_rate, first_epoch_loss
        self._values = torch.zeros(steps, device=device)
        self._seen = np.zeros(steps, np.float32)
        self._interval = GPU_INTERVAL if device.type == "cuda" else 1
        self._checked = 0

    def add(self, step: int, value: Tensor) -> None:
        """Take the loss of a step, counted from 0.

        Raises:
            TrainingError: one of the losses since the last look is not finite or has exploded.
        """
        self._values[step] = value.detach()
        if (step + 1) % self._interval == 0 or step + 1 == len(self._values):
            self._look(step + 1)

    def mean(self) -> float:
        """Mean of all the losses of the epoch."""
        return float(self._seen.mean(dtype=np.float64))

    def _look(self, stop: int) -> None:
        self._seen[self._checked : stop] = self._values[self._checked : stop].cpu().numpy()
        first = self._seen[0] if self.first_epoch_loss is None else self.first_epoch_loss
        limit = EXPLOSION * max(float(first), 1.0) if np.isfinite(first) else EXPLOSION
        for step in range(self._checked, stop):
            value = float(self._seen[step])
            if not np.isfinite(value) or value > limit:
                what = f"{value:.3g}" + (f", above {limit:.3g}," if np.isfinite(value) else "")
                raise TrainingError(
                    f"the loss is {what} in epoch {self.epoch + 1}, step {step + 1}: lower training.learning_rate "
                    f"({self.learning_rate:g}) or look for features that are not numbers"
                )
        self._checked = stop
