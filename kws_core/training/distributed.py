"""The processes that train one encoder together: which rows of a batch are whose, and what all must agree on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch import distributed as dist
from torch.autograd.function import once_differentiable

from kws_core.errors import TrainingError

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process, number `rank` of `world`; every rank draws the same batches and computes on its share of each.

    A share is a run of consecutive rows; the first ranks get one row more where the rows do not divide evenly.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes what is kept."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """The rows of `rows` that are this rank's."""
        least, more = divmod(rows, self.world)
        start = self.rank * least + min(self.rank, more)
        return slice(start, start + least + (self.rank < more))

    def check_batches(self, batches: Sequence[NDArray[np.int64]]) -> None:
        """Raise `TrainingError` when a batch has fewer rows than there are ranks."""
        smallest = min((len(batch) for batch in batches), default=self.world)
        if smallest < self.world:
            raise TrainingError(
                f"{self.world} workers cannot share a batch of {smallest} segments: lower refit.max_workers to at most "
                f"{smallest}, or make batches larger"
            )

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Raise `TrainingError` unless all ranks give the same plain values and arrays; the sentence names one."""
        if self.world == 1:
            return
        digests = {name: _digest(value) for name, value in facts.items()}
        for rank, theirs in enumerate(self._everyones(digests)):
            for name, digest in digests.items():
                if theirs[name] != digest:
                    raise TrainingError(
                        f"workers {self.rank} and {rank} do not train the same run: {name} differs; is the code, the "
                        "cache or the hardware of their nodes not the same?"
                    )

    def from_first(self, value: T) -> T:
        """The value that the first rank gives."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def joined(self, share: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows of all ranks' shares, `[rows, ...]`, in their order."""
        if self.world == 1:
            return share
        parts = self._everyones(share)
        return np.concatenate([part for part in parts if len(part)] or parts[:1])

    def gather(self, share: Tensor, rows: int) -> Tensor:
        """All `rows [rows, dim]` of a batch from the ranks' shares, with a gradient.

        Each rank must compute the same loss of all rows. The gradient of its share is then whole on every rank; it is
        multiplied by the number of ranks, since gradients of weights are averaged over ranks afterwards.
        """
        if self.world == 1:
            return share
        return cast(Tensor, _Gather.apply(share, rows, self))  # type: ignore[no-untyped-call]

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the ranks, all in one exchange.

        A weight without one stays without: all ranks compute the same loss, which then has no use for it.
        """
        if self.world == 1:
            return
        # torch's DistributedDataParallel would hide the exchange behind the backward pass; these encoders are small
        # enough that it is short beside the step, and weights that a batch leaves out need no search here
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world
        parts = torch.split_with_sizes(flat, [gradient.numel() for gradient in gradients])
        torch._foreach_copy_(gradients, [part.view(g.shape) for part, g in zip(parts, gradients, strict=True)])

    def start_alike(self, module: nn.Module) -> None:
        """Give all ranks the first one's weights and buffers: processors may draw them differently in the last bit."""
        if self.world > 1:
            for value in module.state_dict().values():
                dist.broadcast(value, src=0)

    def _everyones(self, value: T) -> list[T]:
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values


def current_ranks() -> Ranks:
    """This process among those of torch's default process group; alone where there is none."""
    if dist.is_available() and dist.is_initialized():
        return Ranks(dist.get_rank(), dist.get_world_size())
    return Ranks()


def gather_equal(values: Tensor) -> Tensor:
    """Values of the same shape from all ranks, `[world, ...]`; no gradient."""
    values = values.contiguous()
    everyones = [torch.empty_like(values) for _ in range(dist.get_world_size())]
    dist.all_gather(everyones, values)
    return torch.stack(everyones)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, share: Tensor, rows: int, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        longest = -(-rows // ranks.world)
        padded = share.new_zeros(longest, *share.shape[1:])
        padded[: len(share)] = share
        lengths = [rows // ranks.world + (rank < rows % ranks.world) for rank in range(ranks.world)]
        return torch.cat([part[:length] for part, length in zip(gather_equal(padded), lengths, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        ranks: Ranks = ctx.ranks
        return gradient[ranks.share(len(gradient))] * ranks.world, None, None


def _digest(value: Any) -> str:
    content = value.tobytes() if isinstance(value, np.ndarray) else json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()
