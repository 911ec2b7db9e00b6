"""What one training run is made of: the sections that `fit()` reads."""

from kws_core.config.augmentation import AugmentationConfig
from kws_core.config.base import Section
from kws_core.config.data import FeaturesConfig
from kws_core.config.encoder import EncoderConfig
from kws_core.config.losses import LossConfig
from kws_core.config.training import SamplingConfig, TrainingConfig


class TrainingSpec(Section):
    """Features, encoder, loss, batches, optimisation and augmentation of one training run."""

    features: FeaturesConfig = FeaturesConfig()
    encoder: EncoderConfig = EncoderConfig()
    loss: LossConfig = LossConfig()
    sampling: SamplingConfig = SamplingConfig()
    training: TrainingConfig = TrainingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
