"""The features of `kws_core.features.frontend` in numpy, for a spotter in service, which has no torch."""

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.features.kaldi import INT16_SCALE, LOG_FLOOR, PREEMPHASIS, dct_matrix, mel_matrix, povey_window


class NumpyFrontend:
    """Turn waveforms into MFCC or log-mel frames: those of `Frontend` but for rounding, a frame on its own."""

    def __init__(self, config: FeaturesConfig) -> None:
        """Compute the window and the matrices of a configuration that `Frontend` accepts."""
        self.window_samples = int(SAMPLE_RATE_HZ * 0.001 * (1000 * config.window_s))
        self.hop_samples = int(SAMPLE_RATE_HZ * 0.001 * (1000 * config.hop_s))
        self.coefficients = config.coefficients
        self._fft_samples = 1 << (self.window_samples - 1).bit_length()
        mel = mel_matrix(config.mel_bins, self._fft_samples, SAMPLE_RATE_HZ, config.low_hz, config.high_hz)
        used = np.flatnonzero(mel.any(axis=0))
        self._bins = slice(int(used[0]), int(used[-1]) + 1)
        self._mel = np.ascontiguousarray(mel[:, self._bins].T, np.float32)
        self._dct = None
        if config.kind == "mfcc":
            self._dct = np.ascontiguousarray(dct_matrix(config.coefficients, config.mel_bins).T, np.float32)
        self._window = (povey_window(self.window_samples) * INT16_SCALE).astype(np.float32)
        self._offset = np.float32((1 - PREEMPHASIS) / self.window_samples)
        self._preemphasis = np.float32(PREEMPHASIS)

    def count_frames(self, samples: int) -> int:
        """Count the whole frames in so many samples."""
        return max(0, 1 + (samples - self.window_samples) // self.hop_samples)

    def __call__(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn `pcm [samples]`, full scale 1, into `features [frames, coeff]`."""
        frames = self.count_frames(len(pcm))
        if not frames:
            return np.empty((0, self.coefficients), np.float32)
        # the window is zero at both ends, so a frame needs no sample before its first
        emphasised = np.empty_like(pcm)
        emphasised[0] = 0
        np.multiply(pcm[:-1], -self._preemphasis, out=emphasised[1:])
        emphasised[1:] += pcm[1:]
        offset = self._frames(pcm, frames).sum(axis=1, keepdims=True) * self._offset
        windowed = (self._frames(emphasised, frames) - offset) * self._window
        spectrum = np.fft.rfft(windowed, self._fft_samples)[:, self._bins]
        energies = (np.square(spectrum.real) + np.square(spectrum.imag)) @ self._mel
        log_mel: NDArray[np.float32] = np.log(np.maximum(energies, np.float32(LOG_FLOOR)))
        return log_mel if self._dct is None else log_mel @ self._dct

    def _frames(self, samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        """A view `[frames, window]`."""
        step = samples.strides[0]
        return np.lib.stride_tricks.as_strided(
            samples, (count, self.window_samples), (self.hop_samples * step, step), writeable=False
        )
