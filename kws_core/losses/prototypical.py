"""Prototypical loss: a query is nearest to the mean of its class."""

import torch
from torch import Tensor, nn

from kws_core.losses.episode import split_episode
from kws_core.losses.loss import Loss, no_pairs
from kws_core.losses.pair_masks import distances


class Prototypical(Loss):
    """Mean over queries of -log softmax over prototypes c of -d(query, c)^2, d the Euclidean distance as it is.

    The last sample of each class of the batch is its query, the mean of the others its prototype; a class with a single
    sample takes no part. Each non-target (-1) stands in every denominator as a prototype that no query belongs to, as
    in AP-FC; the paper has this loss without non-targets or with an unknown cluster only. A batch without a query has
    loss 0, with a graph.
    Source: Huh et al., "prototypical"; Snell et al. 2017.
    """

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of `embeddings [batch, dim]` with class indices or -1 `labels [batch]`."""
        episode = split_episode(embeddings, labels)
        if not len(episode.queries):
            return no_pairs(embeddings)
        scores = self.scores(episode.queries, torch.cat([episode.prototypes, episode.non_targets]))
        own = torch.arange(len(scores), device=scores.device)
        return nn.functional.cross_entropy(scores, own)

    def scores(self, queries: Tensor, prototypes: Tensor) -> Tensor:
        """Scores `[queries, prototypes]` that the softmax is taken over."""
        return -(distances(queries, prototypes) ** 2)
