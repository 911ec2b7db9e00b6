"""Batch normalisation by the statistics of a whole batch whose rows lie on several ranks, on any device.

torch's own `SyncBatchNorm` is for GPUs only, and is a module of another type, which export would not know.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.autograd.function import once_differentiable

from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.training.distributed import gather_equal

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d


def batch_norm(module: BatchNorm, maps: Tensor) -> Tensor:
    """What `module` in training makes of its share `maps [share, channels, ...]` of a batch; updates its averages."""
    axes = (0, *range(2, maps.ndim))
    shape = (1, -1, *(1,) * (maps.ndim - 2))
    weight, bias = (None if value is None else value.view(shape) for value in (module.weight, module.bias))
    normalised, mean, var = _normalise(maps, weight, bias, module.eps, axes)
    assert module.momentum is not None  # noqa: S101 - for the type checker
    _update(module, mean.flatten(), var.flatten(), module.momentum)
    if module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
    return normalised


def sub_spectral_norm(module: SubSpectralNorm, maps: Tensor) -> Tensor:
    """The same of `SubSpectralNorm`, whose `maps [share, channels, frequency, time]` have statistics per sub-band."""
    bands = len(module.weight)
    divided = maps.unflatten(2, (bands, module.rows))  # type: ignore[no-untyped-call]
    weight, bias = (value.t()[None, :, :, None, None] for value in (module.weight, module.bias))
    normalised, mean, var = _normalise(divided, weight, bias, module.eps, (0, 3, 4))
    _update(module, mean[0, :, :, 0, 0].t(), var[0, :, :, 0, 0].t(), module.momentum)
    return normalised.flatten(2, 3)


def _normalise(
    maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised maps, and mean and unbiased variance over `axes`, which are kept as axes of length 1."""
    # in float32 where autocast gives maps of half precision, so that statistics lose nothing
    precise = maps.to(torch.promote_types(maps.dtype, torch.float32))
    normalised, mean, var = _WholeBatchNorm.apply(precise, weight, bias, eps, axes)  # type: ignore[no-untyped-call]
    return normalised.to(maps.dtype), mean, var


@torch.no_grad()
def _update(module: BatchNorm | SubSpectralNorm, mean: Tensor, var: Tensor, momentum: float) -> None:
    assert module.running_mean is not None  # noqa: S101 - for the type checker
    assert module.running_var is not None  # noqa: S101 - for the type checker
    module.running_mean.lerp_(mean, momentum)
    module.running_var.lerp_(var, momentum)


class _WholeBatchNorm(torch.autograd.Function):
    """Gradients of weight and bias are those of this rank's rows: averaging over ranks completes them."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, axes: tuple[int, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        var, mean = torch.var_mean(maps, axes, correction=0, keepdim=True)
        shape, channels = mean.shape, mean.numel()
        count = mean.new_tensor([maps.numel() // channels])
        everyones = gather_equal(torch.cat([mean.flatten(), var.flatten(), count]))
        means, variances, counts = torch.split_with_sizes(everyones, [channels, channels, 1], dim=1)
        total = counts.sum()
        whole_mean = (counts * means).sum(0) / total
        # variance within the ranks and between their means (Chan, Golub and LeVeque 1979)
        whole_var = (counts * (variances + (means - whole_mean).square())).sum(0) / total
        mean, var = whole_mean.view(shape), whole_var.view(shape)
        inverse = torch.rsqrt(var + eps)
        normalised = (maps - mean) * inverse
        ctx.save_for_backward(normalised, inverse, weight, total)
        ctx.axes = axes
        unbiased = var * (total / (total - 1).clamp(min=1))
        ctx.mark_non_differentiable(mean, unbiased)
        output = normalised if weight is None else normalised * weight
        return output.clone() if bias is None else output + bias, mean, unbiased

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        normalised, inverse, weight, total = ctx.saved_tensors
        of_bias = gradient.sum(ctx.axes, keepdim=True)
        of_weight = (gradient * normalised).sum(ctx.axes, keepdim=True)
        sums = torch.stack([of_bias, of_weight])
        dist.all_reduce(sums)
        scale = inverse if weight is None else inverse * weight
        # d loss / d x = scale (g - mean(g) - x^ mean(g x^)), the means over the whole batch
        of_maps = scale * (gradient - sums[0] / total - normalised * (sums[1] / total))
        return of_maps, None if weight is None else of_weight, None if weight is None else of_bias, None, None
