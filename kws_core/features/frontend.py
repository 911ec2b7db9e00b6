"""MFCC and log-mel features with Kaldi's definitions, in batched torch: one code for CPU and GPU.

`kws_core.onnx_export` writes the same chain for ONNX.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.errors import ConfigError
from kws_core.features.kaldi import INT16_SCALE, LOG_FLOOR, PREEMPHASIS, dct_matrix, mel_matrix, povey_window

CPU_CHUNK_FRAMES = 512
"""Frames worked on at once on a CPU, so that their spectra stay in its cache."""
GPU_CHUNK_FRAMES = 65_536


class Frontend(nn.Module):
    """Turn waveforms into MFCC or log-mel frames, equal to Kaldi's without dither.

    Per frame (whole frames only, Kaldi's `snip_edges`): DC offset removed, pre-emphasis 0.97, povey window, power
    spectrum of the zero-padded frame, triangular mel bank, log floored at float epsilon; for MFCC an orthonormal
    DCT-II with cepstral lifter 22, without energy. No gradients: features are fixed.

    Raises `ConfigError` for a window or hop below one sample and for mel bins that hold no FFT bin.
    """

    window: Tensor
    mel: Tensor
    dct: Tensor

    def __init__(self, config: FeaturesConfig) -> None:
        super().__init__()
        self.window_samples = int(SAMPLE_RATE_HZ * 0.001 * (1000 * config.window_s))
        self.hop_samples = int(SAMPLE_RATE_HZ * 0.001 * (1000 * config.hop_s))
        if self.window_samples < 2 or self.hop_samples < 1:
            raise ConfigError(
                f"features.window_s = {config.window_s} and features.hop_s = {config.hop_s} must be at least "
                f"{2 / SAMPLE_RATE_HZ} and {1 / SAMPLE_RATE_HZ} s"
            )
        self.fft_samples = 1 << (self.window_samples - 1).bit_length()
        mel = mel_matrix(config.mel_bins, self.fft_samples, SAMPLE_RATE_HZ, config.low_hz, config.high_hz)
        empty = np.flatnonzero(mel.max(axis=1) == 0)
        if empty.size:
            raise ConfigError(
                f"features.mel_bins = {config.mel_bins} leaves mel bin {empty[0]} without an FFT bin: use fewer mel "
                f"bins or a longer window_s than {config.window_s}"
            )
        self.is_mfcc = config.kind == "mfcc"
        self._constant("window", povey_window(self.window_samples) * INT16_SCALE)
        # Spectra keep real and imaginary parts interleaved: with every weight twice, the product sums re^2 + im^2.
        self._constant("mel", np.repeat(mel, 2, axis=1).T)
        self._constant("dct", dct_matrix(config.coefficients, config.mel_bins).T)

    def forward(self, waveform: Tensor) -> Tensor:
        """Turn `waveform [batch, samples]` (float32, full scale +-1) into `features [batch, time, coeff]`."""
        with torch.no_grad():
            log_mel = self._log_mel(waveform)
            return log_mel @ self.dct if self.is_mfcc else log_mel

    def count_frames(self, samples: int) -> int:
        """Count the whole frames in so many samples."""
        return max(0, 1 + (samples - self.window_samples) // self.hop_samples)

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        """Register a buffer that moves with the module and is no weight."""
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value, np.float32)), persistent=False)

    def _log_mel(self, waveform: Tensor) -> Tensor:
        """Log mel energies `[batch, time, mel]`, a cache-sized block of frames at a time."""
        batch, samples = waveform.shape
        time = self.count_frames(samples)
        log_mel = waveform.new_empty(batch, time, self.mel.shape[1])
        if not batch or not time:
            return log_mel
        chunk = GPU_CHUNK_FRAMES if waveform.is_cuda else CPU_CHUNK_FRAMES
        rows, steps = max(1, chunk // time), min(chunk, time)
        padded = waveform.new_zeros(min(rows, batch), steps, self.fft_samples)
        for row in range(0, batch, rows):
            for start in range(0, time, steps):
                stop = min(start + steps, time)
                first = start * self.hop_samples
                last = (stop - 1) * self.hop_samples + self.window_samples
                block = waveform[row : row + rows, first:last]
                frames = padded[: len(block), : stop - start]
                self._windowed(block, out=frames[..., : self.window_samples])
                spectrum = torch.view_as_real(torch.fft.rfft(frames)).flatten(-2)
                energies = torch.matmul(spectrum.square_(), self.mel)
                torch.log(energies.clamp_(min=LOG_FLOOR), out=log_mel[row : row + rows, start:stop])
        return log_mel

    def _windowed(self, block: Tensor, out: Tensor) -> None:
        """Write the windowed frames of `block [rows, samples]` into `out [rows, frames, window]`.

        Pre-emphasis is linear, so it is done once per sample and not once per frame; of a DC offset it leaves
        (1 - 0.97) of the frame's mean. The first sample of a frame needs no care: the povey window is zero there.
        """
        emphasised = torch.zeros_like(block)
        torch.sub(block[:, 1:], block[:, :-1], alpha=PREEMPHASIS, out=emphasised[:, 1:])
        offset = self._frames(block).mean(dim=2, keepdim=True).mul_(1 - PREEMPHASIS)
        torch.sub(self._frames(emphasised), offset, out=out)
        out.mul_(self.window)

    def _frames(self, samples: Tensor) -> Tensor:
        return samples.unfold(1, self.window_samples, self.hop_samples)
