"""What decides the augmented copies of segments; it imports no torch, which drivers need not wait for."""

from dataclasses import dataclass

from kws_core.config import WaveformAugmentationConfig


@dataclass(frozen=True)
class CopiesConfig:
    """How many copies of every segment are made, and how."""

    count: int
    augmentation: WaveformAugmentationConfig
    seed: int
