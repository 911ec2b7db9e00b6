"""Synthetic noise whose power falls with frequency."""

import torch
from torch import Tensor

from kws_core.augment.spectrum import bin_frequencies

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power falls as 1 / f to this exponent."""
LOWEST_HZ = 20.0


def coloured_noise(rows: int, samples: int, exponent: float, generator: torch.Generator) -> Tensor:
    """Make noise `[rows, samples]` of root mean square 1 whose power falls as 1 / f^exponent from 20 Hz up.

    It is periodic: its end goes on at its beginning. `samples` must be even.
    """
    white = torch.randn(rows, samples, generator=generator, device=generator.device)
    frequencies = bin_frequencies(samples, white.device)
    gain = frequencies.clamp(min=LOWEST_HZ) ** (-exponent / 2) * (frequencies >= LOWEST_HZ)
    noise: Tensor = torch.fft.irfft(torch.fft.rfft(white) * gain, samples)
    return noise / noise.square().mean(dim=1, keepdim=True).sqrt()
