"""Augmentation of feature batches, on whatever device they lie."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws_core.config import AugmentationConfig, FeaturesConfig
from kws_core.features.kaldi import dct_matrix

CHANNEL_CURVES = 6
"""Cosines over the mel bands that a drawn channel is a sum of."""
SILENCE_TOLERANCE = 1.0
"""Frames within this of digital silence, in every coefficient, are padding that no channel colours."""
MAX_CONTEXT_FRAMES = 5
"""Frames of context left standing on each side of a masked word, at most."""


class FeatureAugment:
    """Change surroundings, level and channel of words, then move some inputs in time.

    `swap_context_share` of the rows take all frames but the word and, on each side, 0 to 5 frames of context from
    another row of the batch, so that no word is known by the company it keeps; `mask_context_share` lose them. Every
    row gets a gain uniform within +-`gain_db` and a channel: a spectrum of slow cosines over the mel bands, each of
    standard deviation `channel_db`, added to the log spectrum and so, being linear, to the features.
    `shift_share` of the rows are moved by a whole number of frames, uniform within +-`max_shift_s`. Masked and vacated
    frames take the features of digital silence, `silence [coeff]`. Each row is chosen independently.
    Source: the shift is Huh et al. 2020.
    """

    def __init__(
        self, config: AugmentationConfig, features: FeaturesConfig, silence: NDArray[np.float32] | Tensor
    ) -> None:
        self.config = config
        self.max_shift_frames = int(config.max_shift_s / features.hop_s + 1e-6)
        self.silence = torch.as_tensor(silence, dtype=torch.float32)
        self.curves = channel_curves(features)

    def __call__(self, features: Tensor, word_frames: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a batch; the input is left alone.

        Takes `features [batch, time, coeff]` and `word_frames [batch, 2]`, the first and last + 1 frame of each word.
        Random numbers come from `generator` on its own device, so a CPU generator gives the same choices on a GPU.
        """
        batch, time, _ = features.shape
        device = features.device
        frames = torch.arange(time, device=device)
        draw = torch.rand(3, batch, generator=generator, device=generator.device).to(device)
        context = torch.randint(0, MAX_CONTEXT_FRAMES + 1, (batch, 2), generator=generator, device=generator.device)
        shift = torch.randint(
            -self.max_shift_frames, self.max_shift_frames + 1, (batch,), generator=generator, device=generator.device
        )
        other = torch.randperm(batch, generator=generator, device=generator.device).to(device)
        words, context = word_frames.to(device), context.to(device)
        shift = torch.where(draw[1] < self.config.shift_share, shift.to(device), 0)
        masked = (draw[0] < self.config.mask_context_share)[:, None]

        source = frames - shift[:, None]  # where each frame of the output comes from
        inside = (source >= 0) & (source < time)
        spoken = (source >= words[:, :1] - context[:, :1]) & (source < words[:, 1:] + context[:, 1:])
        places = source.clamp(0, time - 1)[:, :, None].expand_as(features)
        moved = features.gather(1, places)
        swapped = (draw[2] < self.config.swap_context_share)[:, None] & ~spoken
        moved = torch.where(swapped[:, :, None], features[other].gather(1, places), moved)
        moved = self._colour(moved, generator)
        kept = inside & (spoken | ~masked)
        return torch.where(kept[:, :, None], moved, self.silence.to(features))

    def _colour(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a gain and a channel for every row and add them, but to digital silence."""
        rows = len(features)
        gain = torch.rand(rows, 1, generator=generator, device=generator.device) * 2 - 1
        channel = torch.randn(rows, CHANNEL_CURVES, generator=generator, device=generator.device)
        weights = torch.cat([gain * self.config.gain_db, channel * self.config.channel_db], dim=1)
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
