"""Limited bands, from telephone width up."""

import torch
from torch import Tensor

from kws_core.augment.draws import uniform
from kws_core.augment.spectrum import RINGING_SAMPLES, bin_frequencies, fast_length

MIN_LOW_PASS_HZ, MAX_LOW_PASS_HZ = 3200.0, 7000.0
MIN_HIGH_PASS_HZ, MAX_HIGH_PASS_HZ = 100.0, 300.0
HIGH_PASS_SHARE = 0.5


class NarrowBand:
    """Low-pass rows at 3.2 to 7 kHz and, half of them, high-pass them at 100 to 300 Hz.

    Both have Butterworth's gain without his phase, so words do not move: 1 / sqrt(1 + (f / cut-off)^16) and
    1 / sqrt(1 + (cut-off / f)^8), which is -3 dB at the cut-offs and falls by 48 and 24 dB an octave.
    """

    def __call__(self, pcm: Tensor, generator: torch.Generator) -> Tensor:
        """Take `pcm [batch, samples]`; returns waveforms of the same shape."""
        rows, samples = pcm.shape
        low_pass_hz = uniform((rows, 1), MIN_LOW_PASS_HZ, MAX_LOW_PASS_HZ, generator)
        high_pass_hz = uniform((rows, 1), MIN_HIGH_PASS_HZ, MAX_HIGH_PASS_HZ, generator)
        high_pass_hz = high_pass_hz * (uniform((rows, 1), 0, 1, generator) < HIGH_PASS_SHARE)
        length = fast_length(samples + RINGING_SAMPLES)
        gain = band_gain(bin_frequencies(length, pcm.device), low_pass_hz.to(pcm.device), high_pass_hz.to(pcm.device))
        filtered: Tensor = torch.fft.irfft(torch.fft.rfft(pcm, length) * gain, length)
        return filtered[:, :samples]


def band_gain(frequencies_hz: Tensor, low_pass_hz: Tensor, high_pass_hz: Tensor) -> Tensor:
    """Gain at `frequencies_hz [bins]` for cut-offs `[rows, 1]` in Hz (0: no high-pass), `[rows, bins]`."""
    low = (frequencies_hz / low_pass_hz).square_().square_().square_().square_()
    high = (high_pass_hz / frequencies_hz.clamp(min=1e-3)).square_().square_().square_()
    return ((1 + low) * (1 + high)).rsqrt_()
