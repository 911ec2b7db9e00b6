"""The encoder: which network turns features into an embedding."""

from typing import Literal

from pydantic import Field

from kws_core.config.base import Section

EncoderName = Literal[
    "res15",
    "ma_resnet",
    "resnet",
    "crnn",
    "bc_resnet_1",
    "bc_resnet_2",
    "bc_resnet_3",
    "bc_resnet_6",
    "bc_resnet_8",
]


class EncoderConfig(Section):
    """Features to embedding."""

    name: EncoderName = "bc_resnet_1"
    embedding_dim: int = Field(default=64, gt=0)
    maps: int = Field(default=45, gt=0)
    """res15, ma_resnet: feature maps of the trunk (45; 19 is the published narrow variant)."""
    stem_pooling: tuple[int, int] = (1, 1)
    """res15, ma_resnet: average pooling (time, coefficients) after the first convolution; (1, 1) is the papers'."""
    widths: tuple[int, ...] = Field(default=(32, 64, 96, 96), min_length=1)
    """resnet: channels of its stages, each of which halves time and frequency; crnn: channels of its convolutions."""
    pooling: Literal["mean", "none"] = "mean"
    """resnet: `mean` over the last maps, or `none`: all of them in a row, so that the order of sounds is kept."""
    hidden: int = Field(default=64, gt=0)
    """crnn: units of the GRU, in each direction of time."""
