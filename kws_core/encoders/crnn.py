"""Convolutions, then a recurrent network over time (after Arik et al. 2017, "Convolutional recurrent networks")."""

import torch
from torch import Tensor, nn

from kws_core.encoders.trunk import Trunk


class CrnnTrunk(Trunk):
    """Convolutional recurrent trunk: `maps [batch, 1, time, coeff]` to `[batch, channels]`, `channels = 2 hidden`.

    3x3 convolutions with batch normalisation and ReLU, each of stride 2 in frequency and the first in time too; then a
    bidirectional GRU over time on all channels and frequencies of a frame, and the mean over time of its states.
    """

    def __init__(self, widths: tuple[int, ...], hidden: int, coefficients: int) -> None:
        super().__init__()
        self.channels = 2 * hidden
        layers: list[nn.Module] = []
        width, frequency = 1, coefficients
        for index, out_width in enumerate(widths):
            stride = (2 if index == 0 else 1, 2)
            layers += [
                nn.Conv2d(width, out_width, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(out_width),
                nn.ReLU(True),
            ]
            width, frequency = out_width, (frequency + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.recurrent = nn.GRU(width * frequency, hidden, batch_first=True, bidirectional=True)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, 1, time, coeff]` to the mean over time `[batch, channels]`."""
        maps = self.convolutions(maps.contiguous(memory_format=torch.channels_last))
        frames = maps.transpose(1, 2).flatten(2)  # [batch, time, width * frequency]
        # A recurrence adds up rounding: it stays in the precision of its weights, whatever autocast does elsewhere.
        with torch.autocast(frames.device.type, enabled=False):
            states: Tensor = self.recurrent(frames.to(self.recurrent.get_parameter("weight_hh_l0").dtype))[0]
        return states.mean(dim=1)
