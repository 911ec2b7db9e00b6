"""Kaldi's window, Fourier transform, mel bank and cosine transform as matrices, in float64.

Source: Kaldi src/feat/feature-window.cc, mel-computations.cc and matrix/matrix-functions.cc (ComputeDctMatrix).
"""

import numpy as np
from numpy.typing import NDArray

CEPSTRAL_LIFTER = 22.0
PREEMPHASIS = float(np.float32(0.97))  # as Kaldi rounds it: what is left of a DC offset depends on it
INT16_SCALE = 32768.0
LOG_FLOOR = float(np.finfo(np.float32).eps)

Matrix = NDArray[np.float64]


def povey_window(samples: int) -> Matrix:
    """Kaldi's default window `[samples]`: a Hann window to the power 0.85, zero at both ends."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / (samples - 1))
    return np.asarray(hann**0.85)


def mel_scale(hz: Matrix) -> Matrix:
    """Frequencies in mel: 1127 ln(1 + f / 700)."""
    return np.asarray(1127 * np.log1p(hz / 700))


def mel_matrix(bins: int, fft_samples: int, sample_rate_hz: int, low_hz: float, high_hz: float) -> Matrix:
    """Triangular mel bank `[bins, fft_samples / 2 + 1]`; the Nyquist bin has no weight, as in Kaldi."""
    low, high = mel_scale(np.array([low_hz, high_hz]))
    edges = np.linspace(low, high, bins + 2)
    mel = mel_scale(np.arange(fft_samples // 2) * sample_rate_hz / fft_samples)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre))
    return np.pad(np.maximum(weights, 0), ((0, 0), (0, 1)))


def dft_matrix(fft_samples: int, samples: int) -> Matrix:
    """Real Fourier transform `[fft_samples + 2, samples]` of a zero-padded frame: re and im rows by turns."""
    phase = np.outer(np.arange(fft_samples // 2 + 1), np.arange(samples)) * (-2 * np.pi / fft_samples)
    return np.stack([np.cos(phase), np.sin(phase)], axis=1).reshape(fft_samples + 2, samples)


def dct_matrix(coefficients: int, bins: int) -> Matrix:
    """Orthonormal DCT-II `[coefficients, bins]` with the cepstral lifter 1 + 11 sin(pi k / 22) on row k."""
    k = np.arange(coefficients)[:, None]
    dct = np.sqrt(2 / bins) * np.cos(np.pi / bins * (np.arange(bins) + 0.5) * k)
    dct[0] = np.sqrt(1 / bins)
    return np.asarray((1 + 0.5 * CEPSTRAL_LIFTER * np.sin(np.pi * k / CEPSTRAL_LIFTER)) * dct)
