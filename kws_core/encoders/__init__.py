"""Encoders: features to embeddings."""

from kws_core.config import EncoderConfig, FeaturesConfig
from kws_core.encoders.bc_resnet import FREQUENCY, BcResNetTrunk
from kws_core.encoders.encoder import Encoder
from kws_core.encoders.res15 import Res15Trunk
from kws_core.errors import ConfigError

__all__ = ["Encoder", "build_encoder"]


def build_encoder(config: EncoderConfig, features: FeaturesConfig) -> Encoder:
    """Build the encoder that the configuration names, with fresh weights from torch's random generator.

    Raises `ConfigError` when the encoder cannot take these features.
    """
    if config.name == "res15":
        time, frequency = config.stem_pooling
        if not (1 <= time <= features.frames and 1 <= frequency <= features.coefficients):
            raise ConfigError(
                f"stem_pooling = {config.stem_pooling} must lie between (1, 1) and "
                f"({features.frames}, {features.coefficients}), the shape of the features"
            )
        trunk: Res15Trunk | BcResNetTrunk = Res15Trunk(config.maps, config.stem_pooling)
    else:
        if features.coefficients != FREQUENCY:
            raise ConfigError(
                f"{config.name} divides its frequency axis into 5 sub-bands and needs features.coefficients = "
                f"{FREQUENCY}, not {features.coefficients}"
            )
        trunk = BcResNetTrunk(int(config.name.removeprefix("bc_resnet_")))
    return Encoder(trunk, features.coefficients, config.embedding_dim)
