"""A strided residual network whose cost falls with every stage, for small CPUs (He et al. 2016, basic blocks)."""

import torch
from torch import Tensor, nn

from kws_core.encoders.trunk import Trunk

STEM_STRIDE = (2, 1)


class ResNetTrunk(Trunk):
    """Strided residual trunk: `maps [batch, 1, time, coeff]` to `[batch, channels]`.

    A 3x3 convolution with stride 2 in time, then one basic block per width, which halves time and frequency. Global
    average pooling leaves `channels = widths[-1]`; without it, for features of `shape = (time, coeff)`, the last maps
    are delivered whole, `channels = widths[-1] * time * coeff` of them: where in the window a sound was is kept. Batch
    normalisation after every convolution. Weights and maps are kept in channels-last memory.
    """

    def __init__(self, widths: tuple[int, ...], shape: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.pools = shape is None
        self.channels = widths[-1]
        if shape is not None:
            time, coefficients = -(-shape[0] // STEM_STRIDE[0]), -(-shape[1] // STEM_STRIDE[1])
            self.channels *= -(-time // 2 ** len(widths)) * -(-coefficients // 2 ** len(widths))
        stem = nn.Conv2d(1, widths[0], 3, stride=STEM_STRIDE, padding=1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(widths[0]), nn.ReLU(True))
        inputs = (widths[0], *widths[:-1])
        self.blocks = nn.Sequential(*(BasicBlock(width, out) for width, out in zip(inputs, widths, strict=True)))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, 1, time, coeff]` to `[batch, channels]`: means over the maps, or the maps in a row."""
        maps = self.blocks(self.stem(maps.contiguous(memory_format=torch.channels_last)))
        return maps.mean(dim=(2, 3)) if self.pools else maps.flatten(1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, the first of stride 2, beside a 1x1 convolution of stride 2."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, out_width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out_width),
            nn.ReLU(True),
            nn.Conv2d(out_width, out_width, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_width),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(width, out_width, 1, stride=2, bias=False), nn.BatchNorm2d(out_width))

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, width, time, coeff]` to `[batch, out_width, ceil(time / 2), ceil(coeff / 2)]`."""
        return torch.relu(self.body(maps) + self.shortcut(maps))
