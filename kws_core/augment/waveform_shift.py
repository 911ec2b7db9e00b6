"""Shifts of waveforms in time."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from kws_core.augment.draws import integers
from kws_core.config import SAMPLE_RATE_HZ


class WaveformShift:
    """Move rows by a whole number of samples, uniform within +-`max_shift_s`, zero padded. Source: Huh et al. 2020."""

    def __init__(self, max_shift_s: float) -> None:
        self.max_shift_samples = int(max_shift_s * SAMPLE_RATE_HZ + 1e-6)

    def __call__(self, pcm: Tensor, generator: torch.Generator) -> Tensor:
        """Take `pcm [batch, samples]`; returns waveforms of the same shape."""
        rows, samples = pcm.shape
        most = self.max_shift_samples
        start = integers((rows,), 0, 2 * most, generator).to(pcm.device)  # `most` is no shift
        places = start[:, None] + torch.arange(samples, device=pcm.device)
        return pad(pcm, (most, most)).gather(1, places)
