"""A batch seen as an episode: of each class one query and a prototype."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Episode:
    """Row k of `queries` and of `prototypes` is the same class."""

    queries: Tensor
    """`[classes, dim]`: the last sample of each class in the batch."""
    prototypes: Tensor
    """`[classes, dim]`: the mean of the class's other samples."""
    non_targets: Tensor
    """`[non-targets, dim]`: the samples labelled -1."""


def split_episode(embeddings: Tensor, labels: Tensor) -> Episode:
    """Split `embeddings [batch, dim]` by `labels [batch]`; a class with a single sample takes no part."""
    classes, counts = torch.unique(labels[labels >= 0], return_counts=True)
    members = labels[None] == classes[counts > 1, None]
    places = torch.arange(len(labels), device=labels.device)
    last = torch.where(members, places, -1).amax(dim=1) if len(members) else places[:0]
    support = (members & (places != last[:, None])).to(embeddings.dtype)
    prototypes = (support @ embeddings) / support.sum(dim=1, keepdim=True)
    return Episode(embeddings[last], prototypes, embeddings[labels < 0])
