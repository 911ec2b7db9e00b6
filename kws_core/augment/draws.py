"""Random draws on the generator's own device, so that a CPU generator gives the same choices on any device."""

import torch
from torch import Tensor


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Draw numbers uniform within [low, high), `shape`, on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def integers(shape: tuple[int, ...], low: int, high: int, generator: torch.Generator) -> Tensor:
    """Draw whole numbers uniform within low to high, both included, `shape`, on the generator's device."""
    return torch.randint(low, high + 1, shape, generator=generator, device=generator.device)


def chosen_rows(batch: int, share: float, generator: torch.Generator) -> Tensor:
    """Choose each of `batch` rows with probability `share`: their numbers in order, on the generator's device."""
    return (torch.rand(batch, generator=generator, device=generator.device) < share).nonzero()[:, 0]
