"""What the operations on spectra share: lengths of transforms and their frequencies."""

import torch
from torch import Tensor

from kws_core.config import SAMPLE_RATE_HZ

RINGING_SAMPLES = 256
"""Zeros behind a waveform that take up what a zero-phase filter spreads around its ends."""


def fast_length(samples: int) -> int:
    """Find the shortest even length of at least `samples` without prime factors above 5."""
    length = max(2, samples + samples % 2)
    while not _is_smooth(length):
        length += 2
    return length


def bin_frequencies(length: int, device: torch.device) -> Tensor:
    """Frequencies in Hz of the bins of a real transform of so many samples, `[length / 2 + 1]`."""
    return torch.arange(length // 2 + 1, device=device) * (SAMPLE_RATE_HZ / length)


def _is_smooth(length: int) -> bool:
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    return length == 1
