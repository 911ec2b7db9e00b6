"""All distortions of features, in their order."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws_core.augment.channel import Channel
from kws_core.augment.spec_augment import SpecAugment
from kws_core.augment.surroundings import Surroundings
from kws_core.augment.vocal_tract import VocalTract
from kws_core.config import AugmentationConfig, FeaturesConfig


class FeatureAugment:
    """Distort features: vocal tract, surroundings and shift, gain and channel, then SpecAugment's masks.

    `silence [coeff]` are the features of digital silence. Raises `ConfigError` for `vocal_tract_share` or
    `frequency_masks` on MFCC with fewer coefficients than mel bins.
    """

    def __init__(
        self, config: AugmentationConfig, features: FeaturesConfig, silence: NDArray[np.float32] | Tensor
    ) -> None:
        share = config.vocal_tract_share
        self.vocal_tract = VocalTract(share, config.max_vocal_tract_change, features) if share else None
        self.surroundings = Surroundings(config, features, silence)
        self.channel = Channel(config.gain_db, config.channel_db, features, silence)
        masked = config.time_masks or config.frequency_masks
        self.spec_augment = SpecAugment(config, features) if masked else None

    def __call__(self, features: Tensor, word_frames: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a batch; the input is left alone.

        Takes `features [batch, time, coeff]` and `word_frames [batch, 2]`, the first and last + 1 frame of each word.
        Random numbers come from `generator` on its own device, so a CPU generator gives the same choices on a GPU;
        vocal tract and masks draw none where they are off.
        """
        if self.vocal_tract is not None:
            features = self.vocal_tract(features, generator)
        features = self.surroundings(features, word_frames, generator)
        features = self.channel(features, generator)
        if self.spec_augment is not None:
            features = self.spec_augment(features, generator)
        return features
