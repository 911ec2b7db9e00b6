"""Residual dilated convolutions: res15 (Tang and Lin 2018, Huh et al. 2020) and the shorter trunk of Ma et al."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws_core.encoders.trunk import Trunk

LAYERS = 13
"""Convolutions of res15 after its stem."""
MA_LAYERS = 12
"""Six residual blocks of two convolutions: res15 without its last one."""


class Res15Trunk(Trunk):
    """Trunk of res15: `maps [batch, 1, time, coeff]` to `[batch, channels]`, `channels = maps`.

    A 3x3 convolution (and average pooling by `stem_pooling`), then `layers` 3x3 convolutions with dilation 2^(i // 3),
    ReLU, a residual sum after every second one and batch normalisation without affine weights; mean over all positions.
    Weights and maps are kept in channels-last memory, the faster one on a CPU.
    """

    def __init__(self, maps: int, stem_pooling: tuple[int, int], layers: int = LAYERS) -> None:
        super().__init__()
        self.channels = maps
        self.stem = nn.Conv2d(1, maps, 3, padding=1, bias=False)
        self.pool = nn.Identity() if stem_pooling == (1, 1) else nn.AvgPool2d(stem_pooling)
        self._dilations = [2 ** (index // 3) for index in range(layers)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(maps, maps, 3, padding=dilation, dilation=dilation, bias=False) for dilation in self._dilations
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(maps, affine=False) for _ in self._dilations)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, maps: Tensor) -> Tensor:
        """Map `[batch, 1, time, coeff]` to the mean over time and frequency `[batch, channels]`."""
        layout = _layout(maps.device)
        maps = self.pool(torch.relu(self.stem(maps.contiguous(memory_format=torch.channels_last))))
        maps = residual = maps.contiguous(memory_format=layout)
        layers = zip(self.convolutions, self.norms, self._dilations, strict=True)
        for index, (convolution, norm, dilation) in enumerate(layers, start=1):
            weight = convolution.get_parameter("weight").contiguous(memory_format=layout)
            maps = torch.relu(functional.conv2d(maps, weight, padding=dilation, dilation=dilation))
            if index % 2 == 0:
                maps = residual = maps + residual
            maps = norm(maps)
        return maps.mean(dim=(2, 3))


def _layout(device: torch.device) -> torch.memory_format:
    """Memory layout of maps and weights: channels-last, except under autocast on a CPU.

    There, torch 2.13 gives weight gradients that are not numbers for dilated bfloat16 convolutions in channels-last
    memory whose channels are no multiple of 16, as 45 and 19 are not.
    """
    is_half = device.type == "cpu" and torch.is_autocast_enabled("cpu")
    return torch.contiguous_format if is_half else torch.channels_last
