"""Thresholds of the keywords, and the decision taken with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError


def calibrate_thresholds(
    scores: NDArray[np.floating[Any]], is_keyword: NDArray[np.bool_], far: float
) -> NDArray[np.float64]:
    """The smallest threshold of each keyword, `[keywords]`, whose false acceptance rate does not exceed `far`.

    `scores [n, keywords]`; `is_keyword [n, keywords]` is true where row `n` is a segment of that keyword. Row `n` is
    accepted when `score >= threshold`. The FAR of a keyword is the share of the rows that are *not* that keyword
    (other keywords included) and are accepted. The threshold is the smallest number of the scores' own type for
    which that holds: the one just above the `(k + 1)`-th largest score of those rows, `k` being the most rows that
    may be accepted. Rows that tie there are therefore all rejected, and the FAR reached can be below `far`.

    Raises `EvaluationError` for shapes that differ, NaN scores, a `far` outside (0, 1), or a keyword without other
    rows.
    """
    _check(scores, "scores")
    if is_keyword.shape != scores.shape:
        raise EvaluationError(
            f"is_keyword must have the shape of the scores, {list(scores.shape)}, not {list(is_keyword.shape)}"
        )
    if not 0 < far < 1:
        raise EvaluationError(f"far must lie between 0 and 1, not {far}")
    thresholds = np.empty(scores.shape[1])
    for k in range(scores.shape[1]):
        others = np.sort(scores[~is_keyword[:, k], k])[::-1]
        if not len(others):
            raise EvaluationError(f"keyword {k} has no non-target scores to calibrate its threshold on")
        # Counted with the division of the definition: `far * n` rounds the other way for some shares.
        allowed = int(np.searchsorted(np.arange(1, len(others) + 1) / len(others), far, side="right"))
        thresholds[k] = np.nextafter(others[allowed], np.array(np.inf, scores.dtype))
    return thresholds


def decide(scores: NDArray[np.floating[Any]], thresholds: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The index `[n]` of the accepted keyword with the largest margin `score - threshold`, or -1 when none is.

    `scores [n, keywords]`, `thresholds [keywords]`; of equal margins the first keyword wins. Raises
    `EvaluationError` for shapes that do not fit and for NaN scores.
    """
    _check(scores, "scores")
    if thresholds.shape != scores.shape[1:]:
        raise EvaluationError(f"{scores.shape[1]} keywords need as many thresholds, not {list(thresholds.shape)}")
    margins = np.where(scores >= thresholds, scores - thresholds, -np.inf)
    best = margins.argmax(axis=1)
    accepted = (scores >= thresholds).any(axis=1)
    return np.where(accepted, best, -1).astype(np.int64)


def _check(scores: NDArray[Any], name: str) -> None:
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise EvaluationError(f"{name} must be [n, keywords], not {list(scores.shape)}")
    if np.isnan(scores).any():
        raise EvaluationError(f"{name} contain NaN")
