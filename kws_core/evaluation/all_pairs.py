"""The detection error trade-off over all pairs of a set of embeddings: billions of trials in constant memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.det import DetCurve
from kws_core.evaluation.trials import check_normalised

WIDTH = 2.0**-18
"""Scores are counted in bins of this width, 3.8e-6."""
BLOCK = 2048
"""Rows of either side that are scored at once; with the bins this is all the memory that trials take, about 60 MB."""
_LOWEST = -1.0 - 2.0**-6  # lengths are 1 to within 1e-3, so cosines may lie a little beyond 1
_BINS = round(-2 * _LOWEST / WIDTH)


@dataclass(frozen=True, eq=False)
class AllPairsDet:
    """The curve over all pairs and how many they are."""

    curve: DetCurve
    same_trials: int
    different_trials: int

    @property
    def trials(self) -> int:
        """Pairs that were scored."""
        return self.same_trials + self.different_trials


def all_pairs_det(
    embeddings: NDArray[np.float32], labels: NDArray[Any], speakers: NDArray[Any] | None = None
) -> AllPairsDet:
    """Score every unordered pair of L2-normalised `embeddings [n, dim]` by cosine and trace the curve.

    A pair is a same trial when its `labels [n]` are equal. With `speakers [n]`, pairs of one speaker are left out.
    Every trial is counted; its score is rounded down to a multiple of `WIDTH`, so EER and FRR at a FAR lie between
    those that exact scores have when all same trials lose, or all different trials lose, `WIDTH` of score (and the
    rounding of float32). Time grows with the square of n, memory with n alone.

    Raises:
        EvaluationError: lengths differ, embeddings are not of length 1, or one of the two kinds of trial has none.
    """
    if len(labels) != len(embeddings) or (speakers is not None and len(speakers) != len(embeddings)):
        speakers_too = "" if speakers is None else f", {len(speakers)} speakers"
        raise EvaluationError(f"{len(embeddings)} embeddings, {len(labels)} labels{speakers_too}: one of each")
    check_normalised(embeddings)
    label_codes = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    order = np.argsort(label_codes, kind="stable")  # blocks far from the diagonal then have no same trial
    rows = torch.from_numpy(np.ascontiguousarray(embeddings[order], np.float32))
    ordered_labels = torch.from_numpy(label_codes[order])
    ordered_speakers = None
    if speakers is not None:
        ordered_speakers = torch.from_numpy(np.unique(speakers, return_inverse=True)[1].astype(np.int32)[order])
    counts = torch.zeros(2, _BINS + 1, dtype=torch.int64)
    for left, right in _blocks(len(rows)):
        counts += _count(rows, ordered_labels, ordered_speakers, left, right)
    return _curve(counts[:, 1:].numpy())


def _blocks(count: int) -> Iterator[tuple[slice, slice]]:
    """Blocks of the upper triangle."""
    starts = range(0, count, BLOCK)
    for left in starts:
        for right in range(left, count, BLOCK):
            yield slice(left, min(left + BLOCK, count)), slice(right, min(right + BLOCK, count))


def _count(
    rows: torch.Tensor, labels: torch.Tensor, speakers: torch.Tensor | None, left: slice, right: slice
) -> torch.Tensor:
    """Trials of a block by kind (different, same) and bin `[2, bins]`; bin 0 has the pairs that are none."""
    scores = rows[left] @ rows[right].T
    bins = scores.sub_(_LOWEST).mul_(1 / WIDTH).to(torch.int32).add_(1)
    if left == right:
        bins = bins.triu_(1)
    if speakers is not None:
        bins.masked_fill_(speakers[left, None] == speakers[None, right], 0)
    kinds = 1
    if labels[left][-1] >= labels[right][0]:
        bins.add_(labels[left, None] == labels[None, right], alpha=_BINS + 1)
        kinds = 2
    counts = torch.zeros(2, _BINS + 1, dtype=torch.int64)
    counts[:kinds] = torch.bincount(bins.view(-1), minlength=kinds * (_BINS + 1)).view(kinds, -1)
    return counts


def _curve(counts: NDArray[np.int64]) -> AllPairsDet:
    """The curve of trials counted by kind and bin `[2, bins]`."""
    totals = counts.sum(axis=1)
    for total, kind, rate in zip(totals, ("different labels", "the same label"), ("FAR", "FRR"), strict=True):
        if not total:
            raise EvaluationError(f"none of the {totals.sum()} pairs has {kind} on both sides: {rate} is undefined")
    occupied = np.flatnonzero(counts.any(axis=0))
    below = np.zeros((2, len(occupied) + 1), np.int64)
    np.cumsum(counts[:, occupied], axis=1, out=below[:, 1:])
    curve = DetCurve(
        thresholds=np.append(_LOWEST + WIDTH * occupied, np.inf),
        far=(totals[0] - below[0]) / totals[0],
        frr=below[1] / totals[1],
    )
    return AllPairsDet(curve, same_trials=int(totals[1]), different_trials=int(totals[0]))
