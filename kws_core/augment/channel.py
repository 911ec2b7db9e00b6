"""Levels and channels of recordings."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws_core.config import FeaturesConfig
from kws_core.features.kaldi import dct_matrix

CHANNEL_CURVES = 6
"""Cosines over the mel bands that a drawn channel is a sum of."""
SILENCE_TOLERANCE = 1.0
"""Frames within this of digital silence, in every coefficient, are padding that no channel colours."""


class Channel:
    """Give every row a gain and a channel, but to digital silence, `silence [coeff]`.

    The gain is uniform within +-`gain_db`. The channel is a spectrum of slow cosines over the mel bands, each of
    standard deviation `channel_db`, added to the log spectrum and so, being linear, to the features.
    """

    def __init__(
        self, gain_db: float, channel_db: float, features: FeaturesConfig, silence: NDArray[np.float32] | Tensor
    ) -> None:
        self.gain_db, self.channel_db = gain_db, channel_db
        self.silence = torch.as_tensor(silence, dtype=torch.float32)
        self.curves = channel_curves(features)

    def __call__(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Take `features [batch, time, coeff]`; returns the same shape."""
        rows = len(features)
        gain = torch.rand(rows, 1, generator=generator, device=generator.device) * 2 - 1
        channel = torch.randn(rows, CHANNEL_CURVES, generator=generator, device=generator.device)
        weights = torch.cat([gain * self.gain_db, channel * self.channel_db], dim=1)
        offset = weights.to(features) @ self.curves.to(features)
        quiet = (features - self.silence.to(features)).abs().amax(dim=2, keepdim=True) < SILENCE_TOLERANCE
        return torch.where(quiet, features, features + offset[:, None, :])


def channel_curves(config: FeaturesConfig) -> Tensor:
    """What 1 dB of a flat gain (row 0) and of each cosine over the mel bands adds to a frame, `[curves, coeff]`."""
    place = (np.arange(config.mel_bins) + 0.5) / config.mel_bins
    curves = np.cos(np.pi * np.arange(CHANNEL_CURVES + 1)[:, None] * place) * np.log(10) / 10
    if config.kind == "mfcc":
        curves = curves @ dct_matrix(config.coefficients, config.mel_bins).T
    return torch.as_tensor(curves, dtype=torch.float32)
