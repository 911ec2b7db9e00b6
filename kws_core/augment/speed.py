"""Speed perturbation: tempo and pitch together."""

import torch
from torch import Tensor

from kws_core.augment.draws import uniform
from kws_core.augment.spectrum import RINGING_SAMPLES, fast_length

TRANSITION = 0.05
"""Width of the low-pass's slope, as a share of its cut-off."""
CPU_CHUNK_ROWS = 16
"""Rows worked on at once on a CPU, so that they stay in its cache."""


class Speed:
    """Play rows faster or slower by a factor uniform within 1 +- `max_change`, around the centre of the window.

    Output sample n is the input at time c + (n - c) * factor, c = samples // 2, and zero where the input does not
    reach. Rows that get faster are low-passed at the new Nyquist frequency first. The input is read between samples
    by cubic (Catmull-Rom) interpolation of the waveform at twice its rate.
    Source: Ko et al. 2015, "Audio augmentation for speech recognition".
    """

    def __init__(self, max_change: float) -> None:
        self.max_change = max_change

    def __call__(self, pcm: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Take `pcm [batch, samples]`; returns the new waveforms and how much longer they became, `[batch]`."""
        factor = uniform((len(pcm), 1), 1 - self.max_change, 1 + self.max_change, generator)
        factor = factor.to(pcm.device, torch.float64)
        rows = len(pcm) if pcm.is_cuda else CPU_CHUNK_ROWS
        parts = zip(torch.split(pcm, rows), torch.split(factor, rows), strict=True)
        return torch.cat([_play(part, speed) for part, speed in parts]), (1 / factor[:, 0]).to(pcm.dtype)


def _play(pcm: Tensor, factor: Tensor) -> Tensor:
    """Read `pcm [rows, samples]` at its own times a `factor [rows, 1]` (float64) around the centre."""
    samples = pcm.shape[1]
    # float64: float32 would place late samples by only 1/512 of a sample
    time = torch.arange(samples, device=pcm.device, dtype=torch.float64) - samples // 2
    place = (time * factor).add_(samples // 2).mul_(2)
    outside = (place < 0) | (place > 2 * (samples - 1))
    whole = place.long().clamp_(0, 2 * (samples - 1))
    part = place.sub_(whole).to(pcm.dtype)
    return _interpolate(_oversample(pcm, factor), whole, part).masked_fill_(outside, 0)


def _oversample(pcm: Tensor, factor: Tensor) -> Tensor:
    """Double the rate, with a sample ahead of the first, and low-pass what will be played faster."""
    length = fast_length(pcm.shape[1] + RINGING_SAMPLES)
    spectrum = torch.fft.rfft(pcm, length)
    spectrum[:, -1] *= 0.5  # the Nyquist bin's energy now lies at both its frequencies
    place = torch.linspace(0, 1, spectrum.shape[1], device=pcm.device, dtype=pcm.dtype)
    cut = (1 / factor).to(pcm.dtype)
    slope = ((1 - place / cut) / TRANSITION).clamp_(0, 1)
    gain = slope.square() * (3 - 2 * slope)
    spectrum *= torch.where(factor > 1, gain, 1)
    doubled = torch.fft.irfft(spectrum, 2 * length).mul_(2)
    return torch.cat([doubled[:, -1:], doubled], dim=1)


def _interpolate(doubled: Tensor, whole: Tensor, part: Tensor) -> Tensor:
    """Catmull-Rom interpolation of the four samples around each place."""
    before, left, right, after = (doubled.gather(1, whole + tap) for tap in range(4))
    cubic = (left - right).mul_(3).add_(after).sub_(before)
    square = (before * 2).sub_(left, alpha=5).add_(right, alpha=4).sub_(after)
    slope = right.sub_(before)
    return cubic.mul_(part).add_(square).mul_(part).add_(slope).mul_(part).mul_(0.5).add_(left)
