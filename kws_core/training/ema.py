"""Exponential moving average of weights and buffers over the steps."""

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """A copy of modules whose weights and buffers are moving averages: a <- d a + (1 - d) w after every step.

    d is `decay`, but at most (1 + n) / (10 + n) after n steps: a short run would else deliver its initial weights.
    Integer buffers (counts of batches) are copied.
    """

    def __init__(self, modules: nn.ModuleDict, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.modules = copy.deepcopy(modules).requires_grad_(False).eval()
        self._source, self._averages = _tensors(modules, True), _tensors(self.modules, True)
        self._counts = list(zip(_tensors(modules, False), _tensors(self.modules, False), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights of the modules into the average."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._averages, self._source, 1 - decay)
        for count, copied in self._counts:
            copied.copy_(count)
        self.steps += 1


def _tensors(modules: nn.Module, floating: bool) -> list[Tensor]:
    tensors = [*modules.parameters(), *modules.buffers()]
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point() == floating]
