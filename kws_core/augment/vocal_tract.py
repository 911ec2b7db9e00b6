"""Vocal tract length perturbation (VTLP)."""

import numpy as np
import torch
from torch import Tensor

from kws_core.augment.draws import chosen_rows, uniform
from kws_core.augment.log_mel import log_mel_matrices
from kws_core.config import FeaturesConfig
from kws_core.features.kaldi import mel_scale

KNEE = 0.6
"""Up to this share of the top frequency, at most, the warp is a plain factor (4.8 of 8 kHz in the paper)."""


class VocalTract:
    """Stretch the frequency axis of `share` of the rows by a factor uniform within 1 +- `max_change`.

    What sounded at f sounds at factor * f up to a knee, and from there on a straight line to the top `high_hz`, which
    stays: a factor above 1 is a shorter vocal tract. Log-mel energies are read between mel bands by linear
    interpolation. Raises `ConfigError` for MFCC with fewer coefficients than mel bins.
    Source: Jaitly and Hinton 2013, "Vocal Tract Length Perturbation (VTLP) improves speech recognition".
    """

    def __init__(self, share: float, max_change: float, features: FeaturesConfig) -> None:
        self.share, self.max_change = share, max_change
        self.to_log_mel, self.from_log_mel = log_mel_matrices(features, "augmentation.vocal_tract_share")
        self.top_hz = features.high_hz
        low, high = mel_scale(np.array([features.low_hz, features.high_hz]))
        self.low_mel, self.mel_step = float(low), float(high - low) / (features.mel_bins + 1)

    def __call__(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Take `features [batch, time, coeff]`; returns the same shape, rows that were not chosen as they are."""
        rows = chosen_rows(len(features), self.share, generator)
        factor = uniform((len(rows), 1), 1 - self.max_change, 1 + self.max_change, generator).to(features)
        matrix = self.to_log_mel.to(features) @ self.interpolation(factor) @ self.from_log_mel.to(features)
        warped, rows = features.clone(), rows.to(features.device)
        warped[rows] = features[rows] @ matrix
        return warped

    def interpolation(self, factor: Tensor) -> Tensor:
        """Weights of the old mel bands in the new ones for factors `[rows, 1]`, `[rows, old, new]`."""
        bands = torch.arange(self.to_log_mel.shape[1], device=factor.device)
        hz = 700 * torch.expm1((self.low_mel + (bands + 1) * self.mel_step) / 1127)
        new_knee = KNEE * self.top_hz * factor.clamp(max=1)
        old_knee = new_knee / factor
        above = self.top_hz - (self.top_hz - old_knee) / (self.top_hz - new_knee) * (self.top_hz - hz)
        source_hz = torch.where(hz <= new_knee, hz / factor, above)
        place = (1127 * torch.log1p(source_hz / 700) - self.low_mel) / self.mel_step - 1
        place = place.clamp(0, len(bands) - 1)
        return (1 - (place[:, None, :] - bands[:, None]).abs()).clamp_(min=0).to(factor)
