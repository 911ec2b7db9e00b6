"""Layers that see, or draw for, a whole batch, made to do so although each rank has only a share of its rows."""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.errors import TrainingError
from kws_core.training.distributed import Ranks
from kws_core.training.distributed_norm import batch_norm, sub_spectral_norm


class WholeBatchLayers:
    """While it is entered, normalisations in training take statistics of the whole batch, and dropout draws for it.

    So an encoder gives the rows of its share what it would give them in the whole batch, whatever the number of ranks.
    The modules stay what they are, with weights and buffers of the same names; outside they behave as ever.
    """

    rows: int = 0
    """Rows of the present batch on all ranks together."""

    def __init__(self, encoder: nn.Module, ranks: Ranks) -> None:
        """Find the layers.

        Raises:
            TrainingError: the encoder holds a layer that mixes or draws for rows and is not known here.
        """
        self._ranks = ranks
        self._changed = [(module, forward) for module in encoder.modules() if (forward := self._forward(module))]

    def __enter__(self) -> "WholeBatchLayers":
        for module, forward in self._changed:
            module.__dict__["forward"] = partial(_in_training, module, forward)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for module, _ in self._changed:
            module.__dict__.pop("forward", None)

    def _forward(self, module: nn.Module) -> Callable[[Any, Tensor], Tensor] | None:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            return batch_norm
        if isinstance(module, SubSpectralNorm):
            return sub_spectral_norm
        if isinstance(module, nn.Dropout2d):
            return self._dropout
        if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.modules.dropout._DropoutNd):
            raise TrainingError(f"several workers cannot train an encoder with {type(module).__name__}")
        return None

    def _dropout(self, module: nn.Dropout2d, maps: Tensor) -> Tensor:
        """Draw as torch does, for the channels of all rows."""
        kept = torch.empty(self.rows, maps.shape[1], 1, 1, dtype=maps.dtype, device=maps.device)
        kept.bernoulli_(1 - module.p).div_(1 - module.p)
        return maps * kept[self._ranks.share(self.rows)]


def _in_training(module: nn.Module, forward: Callable[[nn.Module, Tensor], Tensor], maps: Tensor) -> Tensor:
    if module.training:
        return forward(module, maps)
    evaluated: Tensor = type(module).forward(module, maps)
    return evaluated
