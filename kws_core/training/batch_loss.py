"""The loss of a batch, whose rows one process embeds, or several together."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from kws_core.losses import Loss
from kws_core.training.distributed import Ranks
from kws_core.training.distributed_layers import WholeBatchLayers


class BatchLoss(nn.Module):
    """Embeds this rank's share of a batch, gathers the embeddings of all ranks and computes the loss of the batch.

    So losses over pairs, prototypes or batches of one sample a class see the batch that the sampler drew.
    """

    def __init__(
        self, encoder: nn.Module, loss: Loss, autocast: torch.autocast, freeze_encoder: bool, ranks: Ranks
    ) -> None:
        super().__init__()
        self.encoder, self.loss, self.ranks = encoder, loss, ranks
        self._layers = WholeBatchLayers(encoder, ranks) if ranks.world > 1 else None
        self._autocast, self._freeze_encoder = autocast, freeze_encoder

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss, the same on every rank, of a whole batch `features [batch, time, coeff]`, `labels [batch]`."""
        rows = len(labels)
        if self._layers is not None:
            self._layers.rows = rows
        with torch.set_grad_enabled(not self._freeze_encoder), self._autocast:
            embeddings = self.encoder(features[self.ranks.share(rows)])
        # in float32, whatever the encoder computes in
        value: Tensor = self.loss(self.ranks.gather(embeddings.float(), rows), labels)
        return value

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Where the loss is computed: with several ranks, layers of the encoder see the whole batch meanwhile."""
        if self._layers is None:
            yield
        else:
            with self._layers:
                yield
