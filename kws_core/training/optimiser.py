"""The optimiser that the configuration names."""

from collections.abc import Iterable

import torch
from torch import nn

from kws_core.config import TrainingConfig


def build_optimiser(training: TrainingConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over the parameters, each in one kernel for all of them.

    Weight decay is decoupled in AdamW and added to the gradient in Adam and SGD.
    """
    rate, decay = training.learning_rate, training.weight_decay
    listed = list(parameters)
    if training.optimizer == "adam":
        return torch.optim.Adam(listed, lr=rate, weight_decay=decay, fused=True)
    if training.optimizer == "sgd":
        return torch.optim.SGD(listed, lr=rate, momentum=training.momentum, weight_decay=decay, fused=True)
    return torch.optim.AdamW(listed, lr=rate, weight_decay=decay, fused=True)
