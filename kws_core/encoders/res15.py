"""res15: residual dilated convolutions (Tang and Lin 2018; the encoder of Huh et al. 2020)."""

import torch
from torch import Tensor, nn

LAYERS = 13


class Res15Trunk(nn.Module):
    """Trunk of res15: `maps [batch, 1, time, coeff]` to `[batch, channels]`, `channels = maps`.

    A 3x3 convolution (and average pooling by `stem_pooling`), then 13 3x3 convolutions with dilation 2^(i // 3), ReLU,
    a residual sum after every second one and batch normalisation without affine weights; mean over all positions.
    Weights and maps are kept in channels-last memory, the faster one on a CPU.
    """

    def __init__(self, maps: int, stem_pooling: tuple[int, int]) -> None:
        super().__init__()
        self.channels = maps
        self.stem = nn.Conv2d(1, maps, 3, padding=1, bias=False)
        self.pool = nn.Identity() if stem_pooling == (1, 1) else nn.AvgPool2d(stem_pooling)
        dilations = [2 ** (index // 3) for index in range(LAYERS)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(maps, maps, 3, padding=dilation, dilation=dilation, bias=False) for dilation in dilations
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(maps, affine=False) for _ in dilations)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, 1, time, coeff]` to the mean over time and frequency `[batch, channels]`."""
        maps = self.pool(torch.relu(self.stem(maps.contiguous(memory_format=torch.channels_last))))
        residual = maps
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True), start=1):
            maps = torch.relu(convolution(maps))
            if index % 2 == 0:
                maps = residual = maps + residual
            maps = norm(maps)
        return maps.mean(dim=(2, 3))
