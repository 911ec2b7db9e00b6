"""BC-ResNet: broadcasted residual learning (Kim et al. 2021, "Broadcasted Residual Learning for Efficient KWS")."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.encoders.trunk import Trunk

FREQUENCY = 40
SUB_BANDS = 5
DROPOUT = 0.1
# Blocks, relative width, frequency stride and time dilation of the four stages.
STAGES = ((2, 1.0, 1, 1), (2, 1.5, 2, 2), (4, 2.0, 2, 4), (4, 2.5, 1, 8))


class BcResNetTrunk(Trunk):
    """Trunk of BC-ResNet-tau: `maps [batch, 1, 40, time]` to `[batch, channels]`, `channels = 32 tau`.

    All weights and maps are kept in channels-last memory, where depthwise convolutions are several times faster on
    a CPU.
    """

    frequency_first: ClassVar[bool] = True

    def __init__(self, tau: int) -> None:
        super().__init__()
        base = 8 * tau
        self.channels = 4 * base
        self.stem = nn.Sequential(
            nn.Conv2d(1, 2 * base, 5, stride=(2, 1), padding=2, bias=False), nn.BatchNorm2d(2 * base), nn.ReLU(True)
        )
        blocks: list[nn.Module] = []
        width, frequency = 2 * base, FREQUENCY // 2
        for repeats, relative, stride, dilation in STAGES:
            frequency //= stride
            for index in range(repeats):
                out_width = int(base * relative)
                blocks.append(Block(width, out_width, stride if index == 0 else 1, dilation, frequency))
                width = out_width
        self.blocks = nn.Sequential(*blocks)
        self.tail = nn.Sequential(
            nn.Conv2d(width, width, 5, padding=(0, 2), groups=width, bias=False),
            nn.Conv2d(width, self.channels, 1, bias=False),
            nn.BatchNorm2d(self.channels),
            nn.ReLU(True),
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, 1, 40, time]` to the mean over time `[batch, channels]`."""
        pooled: Tensor = self.tail(self.blocks(self.stem(maps.contiguous(memory_format=torch.channels_last))))
        return pooled.mean(dim=(2, 3))


class Block(nn.Module):
    """Broadcasted residual block: f2 over frequency and time, f1 over time on the frequency average."""

    def __init__(self, width: int, out_width: int, stride: int, dilation: int, out_frequency: int) -> None:
        super().__init__()
        self.is_transition = width != out_width
        self.expand = (
            nn.Sequential(nn.Conv2d(width, out_width, 1, bias=False), nn.BatchNorm2d(out_width), nn.ReLU(True))
            if self.is_transition
            else nn.Identity()
        )
        self.frequency = nn.Conv2d(
            out_width, out_width, (3, 1), stride=(stride, 1), padding=(1, 0), groups=out_width, bias=False
        )
        self.frequency_norm = SubSpectralNorm(out_width, SUB_BANDS, out_frequency // SUB_BANDS)
        self.time = nn.Sequential(
            nn.Conv2d(
                out_width,
                out_width,
                (1, 3),
                padding=(0, dilation),
                dilation=(1, dilation),
                groups=out_width,
                bias=False,
            ),
            nn.BatchNorm2d(out_width),
            nn.SiLU(True),
            nn.Conv2d(out_width, out_width, 1, bias=False),
            nn.Dropout2d(DROPOUT),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, channels, frequency, time]` to the same, frequency divided by the stride."""
        local: Tensor = self.frequency_norm(self.frequency(self.expand(maps)))
        output = local.add_(self.time(local.mean(dim=2, keepdim=True)))
        if not self.is_transition:
            output = output.add_(maps)
        return output.relu_()
