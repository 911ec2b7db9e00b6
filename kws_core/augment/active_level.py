"""The level of what sounds in a waveform."""

import torch
from torch import Tensor

FRAME_SAMPLES = 320
ACTIVE_RANGE_DB = 20.0
"""Frames within this of the loudest count as active."""


def active_level(pcm: Tensor) -> Tensor:
    """Root mean square of the active 20 ms frames of `pcm [batch, samples]`: `[batch]`, 0 for digital silence.

    A row of less than a frame is one frame; an incomplete last frame is left out.
    """
    frame = min(FRAME_SAMPLES, pcm.shape[1])
    energy = pcm.unfold(1, frame, frame).square().mean(dim=2)
    active = energy >= energy.amax(dim=1, keepdim=True) * 10 ** (-ACTIVE_RANGE_DB / 10)
    return torch.sqrt((energy * active).sum(dim=1) / active.sum(dim=1))
