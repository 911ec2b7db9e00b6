"""Encoders: features to embeddings."""

from kws_core.config import EncoderConfig, FeaturesConfig
from kws_core.encoders.bc_resnet import FREQUENCY, BcResNetTrunk
from kws_core.encoders.crnn import CrnnTrunk
from kws_core.encoders.encoder import Encoder
from kws_core.encoders.res15 import LAYERS, MA_LAYERS, Res15Trunk
from kws_core.encoders.resnet import ResNetTrunk
from kws_core.encoders.trunk import Trunk
from kws_core.errors import ConfigError

__all__ = ["Encoder", "build_encoder"]


def build_encoder(config: EncoderConfig, features: FeaturesConfig) -> Encoder:
    """Build the encoder that the configuration names, with fresh weights from torch's random generator.

    Raises `ConfigError` when the encoder cannot take these features.
    """
    return Encoder(_trunk(config, features), features.coefficients, config.embedding_dim)


def _trunk(config: EncoderConfig, features: FeaturesConfig) -> Trunk:
    match config.name:
        case "res15" | "ma_resnet":
            _check_pooling(config, features)
            return Res15Trunk(config.maps, config.stem_pooling, LAYERS if config.name == "res15" else MA_LAYERS)
        case "resnet":
            _check_widths(config)
            shape = None if config.pooling == "mean" else (features.frames, features.coefficients)
            return ResNetTrunk(config.widths, shape)
        case "crnn":
            _check_widths(config)
            return CrnnTrunk(config.widths, config.hidden, features.coefficients)
        case _:
            if features.coefficients != FREQUENCY:
                raise ConfigError(
                    f"{config.name} divides its frequency axis into 5 sub-bands and needs features.coefficients = "
                    f"{FREQUENCY}, not {features.coefficients}"
                )
            return BcResNetTrunk(int(config.name.removeprefix("bc_resnet_")))


def _check_pooling(config: EncoderConfig, features: FeaturesConfig) -> None:
    time, frequency = config.stem_pooling
    if not (1 <= time <= features.frames and 1 <= frequency <= features.coefficients):
        raise ConfigError(
            f"stem_pooling = {config.stem_pooling} must lie between (1, 1) and "
            f"({features.frames}, {features.coefficients}), the shape of the features"
        )


def _check_widths(config: EncoderConfig) -> None:
    if min(config.widths) < 1:
        raise ConfigError(f"encoder.widths = {config.widths} must be positive numbers of channels")
