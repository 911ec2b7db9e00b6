"""AP-FC: angular prototypical loss with a learned prototype per target."""

import torch
from torch import Tensor, nn

from kws_core.losses.loss import Loss, check_labels, no_pairs
from kws_core.losses.scaled_cosine import ScaledCosine


class APFC(Loss):
    """Mean over targets k of -log( exp S_kk / (sum over targets' samples j of exp S_jk + sum over non-targets) ).

    S_ik = w cos(e_i, W_k) + b with a learned W_k for each target: the softmax of target k runs over the samples of the
    batch. The paper's batch has one sample of each target and N' non-targets (-1), which are negatives only.
    Other batches: each of several samples of a target has a term of its own, whose denominator leaves out the others,
    and the target's part is the mean of its terms; a target that the batch lacks has no part. A batch without targets
    has loss 0, with a graph.
    Source: Huh et al., "AP-FC", as reconstructed in the project's notes.
    """

    def __init__(self, embedding_dim: int, targets: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(targets, embedding_dim)))
        self.score = ScaledCosine()

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of `embeddings [batch, dim]` with target indices or -1 `labels [batch]`.

        Raises:
            TrainingError: a label is no target's.
        """
        check_labels(labels, len(self.weight), "ap_fc", non_targets=True)
        rows = torch.nonzero(labels >= 0).flatten()
        if not len(rows):
            return no_pairs(embeddings)
        targets, own, counts = torch.unique(labels[rows], return_inverse=True, return_counts=True)
        scores = self.score(self.weight[labels[rows]], embeddings)  # [terms, batch]
        places = torch.arange(len(labels), device=labels.device)
        others_of_target = (labels[rows][:, None] == labels[None]) & (rows[:, None] != places[None])
        terms = nn.functional.cross_entropy(scores.masked_fill(others_of_target, -torch.inf), rows, reduction="none")
        loss: Tensor = (terms / counts[own]).sum() / len(targets)
        return loss
