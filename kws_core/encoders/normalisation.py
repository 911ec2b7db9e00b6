"""Sub-spectral normalisation, fast on CPU in channels-last memory."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class SubSpectralNorm(nn.Module):
    """Batch normalisation with own statistics and affine weights per channel and sub-band of the frequency axis.

    Takes and returns maps `[batch, channels, frequency, time]`; each of the `bands` is `rows` rows of `frequency`.
    Computes in float32 where autocast gives maps of half precision, so that statistics lose nothing.
    Source: Chang et al. 2021, "Subspectral Normalization for Neural Audio Data Processing".
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, bands: int, rows: int) -> None:
        super().__init__()
        self.rows, self.eps, self.momentum = rows, 1e-5, 0.1
        self.weight = nn.Parameter(torch.ones(bands, channels))
        self.bias = nn.Parameter(torch.zeros(bands, channels))
        self.register_buffer("running_mean", torch.zeros(bands, channels))
        self.register_buffer("running_var", torch.ones(bands, channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise `maps [batch, channels, frequency, time]`: by the batch in training, by running averages else."""
        if self.training:
            normalised: Tensor
            precise = maps.to(torch.promote_types(maps.dtype, self.weight.dtype))
            normalised, mean, var = _BatchNorm.apply(  # type: ignore[no-untyped-call]
                precise, self.weight, self.bias, self.eps
            )
            count = maps.numel() // self.weight.numel()
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * (count / max(1, count - 1)), self.momentum)
            return normalised.to(maps.dtype)
        scale, shift = self.affine()
        return (maps * scale + shift).to(maps.dtype)

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift `[1, channels, bands * rows, 1]` that evaluation mode applies."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        shift = self.bias - self.running_mean * scale
        scale, shift = (value.t().repeat_interleave(self.rows, dim=1)[None, :, :, None] for value in (scale, shift))
        return scale, shift


class _BatchNorm(torch.autograd.Function):
    """Maps, weight and bias `[bands, channels]` to (normalised maps, mean, biased variance).

    torch's own kernel would have to see the sub-bands as channels, and in this memory layout copy the maps for it: a
    whole training step then takes half as long again. Here every pass over the maps is an element-wise operation on
    rows as long as one sample: per-channel values are first spread to such a row.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        rows = _rows(maps)
        positions = rows.shape[1] // weight.numel()
        count = rows.shape[0] * positions
        mean = _reduce(rows.sum(0), weight) / count
        centred = rows - _spread(mean, positions)
        var = _reduce((centred * centred).sum(0), weight) / count
        inverse = torch.rsqrt(var + eps)
        output = torch.empty_like(maps, memory_format=torch.channels_last)
        torch.addcmul(_spread(bias, positions), centred, _spread(inverse * weight, positions), out=_rows(output))
        ctx.save_for_backward(centred, inverse, weight)
        ctx.mark_non_differentiable(mean, var)
        return output, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        centred, inverse, weight = ctx.saved_tensors
        rows = _rows(grad)
        positions = rows.shape[1] // weight.numel()
        count = rows.shape[0] * positions
        grad_bias = _reduce(rows.sum(0), weight)
        grad_weight = _reduce((rows * centred).sum(0), weight) * inverse
        scale = weight * inverse
        # d loss / d x = scale (g - mean(g) - x^ mean(g x^)) with x^ = centred * inverse.
        offset = _spread(-scale * grad_bias / count, positions)
        grad_maps = torch.empty_like(grad, memory_format=torch.channels_last)
        torch.addcmul(offset, rows, _spread(scale, positions), out=_rows(grad_maps))
        _rows(grad_maps).addcmul_(centred, _spread(-scale * inverse * grad_weight / count, positions))
        return grad_maps, grad_weight, grad_bias, None


def _rows(maps: Tensor) -> Tensor:
    """View `[batch, channels, frequency, time]` as `[batch, frequency * time * channels]`, copied if need be."""
    return maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1)


def _reduce(row: Tensor, like: Tensor) -> Tensor:
    """Sum a row over the positions of each band: `[bands, channels]`."""
    bands, channels = like.shape
    return row.view(bands, -1, channels).sum(1)


def _spread(values: Tensor, positions: int) -> Tensor:
    """Repeat `[bands, channels]` at every position: the inverse shape of `_reduce`."""
    bands, channels = values.shape
    return values[:, None].expand(bands, positions, channels).reshape(-1)
