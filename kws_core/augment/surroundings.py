"""What stands around a word, and when it comes."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws_core.config import AugmentationConfig, FeaturesConfig

MAX_CONTEXT_FRAMES = 5
"""Frames of context left standing on each side of a masked word, at most."""


class Surroundings:
    """Change what stands around words, then move some rows in time.

    `swap_context_share` of the rows take all frames but the word and, on each side, 0 to 5 frames of context from
    another row of the batch, so that no word is known by the company it keeps; `mask_context_share` lose them.
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

    def __call__(self, features: Tensor, word_frames: Tensor, generator: torch.Generator) -> Tensor:
        """Take `features [batch, time, coeff]` and `word_frames [batch, 2]`; returns the shape of the features."""
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
        kept = inside & (spoken | ~masked)
        return torch.where(kept[:, :, None], moved, self.silence.to(features))
