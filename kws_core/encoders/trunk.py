"""The part of an encoder between normalised features and the projection."""

from typing import ClassVar

from torch import nn


class Trunk(nn.Module):
    """Maps `[batch, 1, time, coeff]` to `[batch, channels]`; with `frequency_first`, maps are `[.., coeff, time]`."""

    channels: int
    frequency_first: ClassVar[bool] = False
