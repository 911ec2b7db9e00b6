"""Trials in the order of their scores: many weighted error curves from one sort."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError


class RankedTrials:
    """Trials sorted by rising score; trials of equal score share one point of the curve.

    `order [trials]` sorts the trials, `thresholds [points]` are the distinct scores and, last, infinity. Raises
    `EvaluationError` unless `scores [trials]` are numbers and `same [trials]` has both classes.
    """

    def __init__(self, scores: NDArray[np.floating[Any]], same: NDArray[np.bool_]) -> None:
        if scores.ndim != 1 or scores.shape != same.shape:
            raise EvaluationError(
                f"scores and same must be arrays of one length, not {list(scores.shape)}, {list(same.shape)}"
            )
        same = same.astype(np.bool_, copy=False)
        if not same.any():
            raise EvaluationError(f"none of the {len(same)} trials has the same label on both sides: FRR is undefined")
        if same.all():
            raise EvaluationError(f"none of the {len(same)} trials has different labels: FAR is undefined")
        if np.isnan(scores).any():
            raise EvaluationError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN")
        self.order: NDArray[np.intp] = np.argsort(scores, kind="stable")
        ranked = scores[self.order].astype(np.float64)
        starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        self.thresholds: NDArray[np.float64] = np.append(ranked[starts], np.inf)
        ends = np.append(starts, len(ranked))
        ranked_same = same[self.order]
        self._same = np.flatnonzero(ranked_same)
        self._different = np.flatnonzero(~ranked_same)
        self._same_below = np.searchsorted(self._same, ends)
        self._different_below = np.searchsorted(self._different, ends)

    def error_rates(self, weights: NDArray[Any] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """FAR and FRR at `thresholds`, each `[..., points]`, for `weights [..., trials]` given in ranked order.

        Without weights every trial counts once. NaN where a class has no weight.
        """
        if weights is None:
            weights = np.ones(len(self.order), np.int64)
        below_same = _sums_below(weights[..., self._same], self._same_below)
        below_different = _sums_below(weights[..., self._different], self._different_below)
        total_same, total_different = below_same[..., -1:], below_different[..., -1:]
        with np.errstate(invalid="ignore"):
            return (total_different - below_different) / total_different, below_same / total_same


def equal_error_rate(far: NDArray[np.float64], frr: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the polygon through the points `(far, frr) [..., points]` of rising threshold meets `far = frr`.

    NaN where the curve is NaN.
    """
    difference = far - frr
    after = np.argmax(difference < 0, axis=-1)[..., None]  # the last point is (0, 1), the first (1, 0)
    before = after - 1
    gap_before = np.take_along_axis(difference, before, -1)
    gap_after = np.take_along_axis(difference, after, -1)
    far_before = np.take_along_axis(far, before, -1)
    far_after = np.take_along_axis(far, after, -1)
    result: NDArray[np.float64] = far_before + gap_before / (gap_before - gap_after) * (far_after - far_before)
    return result[..., 0]


def lowest_frr(far: NDArray[np.float64], frr: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """The least FRR of the points `[..., points]`, of rising threshold, whose FAR does not exceed `limit`.

    NaN where the curve is NaN.
    """
    first = np.argmax(far <= limit, axis=-1)[..., None]
    result: NDArray[np.float64] = np.where(np.isnan(far[..., 0]), np.nan, np.take_along_axis(frr, first, -1)[..., 0])
    return result


def _sums_below(weights: NDArray[Any], counts: NDArray[np.intp]) -> NDArray[Any]:
    """Sums of the first `counts [points]` weights `[..., points]`."""
    sums = np.zeros((*weights.shape[:-1], weights.shape[-1] + 1), np.result_type(weights, np.int64))
    np.cumsum(weights, axis=-1, out=sums[..., 1:])
    return sums[..., counts]
