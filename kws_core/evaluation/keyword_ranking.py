"""Ranking of segments by their keyword scores under a paired bootstrap over speakers: average precision and AUC."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap


def keyword_ranking(
    scores: NDArray[np.floating[Any]],
    keyword_index: NDArray[np.integer[Any]],
    speakers: NDArray[np.str_],
    draws: SpeakerBootstrap,
    ratio: float = 1.0,
) -> tuple[Figure, Figure]:
    """Mean average precision and mean AUC over keywords.

    `scores [segments, keywords]` rank all segments for each keyword; `keyword_index [segments]` is -1 for
    non-targets. The segments of a keyword are its positives, all others its negatives. Non-targets are weighted so
    that targets outweigh them `ratio` to 1, in every replicate. Average precision is the sum over thresholds of
    precision times the gain in recall, AUC the chance that a positive outranks a negative, ties counted half. A
    replicate that lacks a keyword leaves it out of its mean. Raises `EvaluationError` without targets or non-targets.
    """
    target = keyword_index >= 0
    if not target.any() or target.all():
        raise EvaluationError("ranking needs segments of keywords and of other words")
    codes = draws.codes(speakers)
    keywords = np.unique(keyword_index[target])
    orders = {k: _descending(scores[:, k]) for k in keywords.tolist()}
    precisions: list[Figure] = []
    areas: list[Figure] = []
    for counts in draws.rounds(len(scores)):
        weights = counts[:, codes].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            balance = weights[:, target].sum(axis=1) / (ratio * weights[:, ~target].sum(axis=1))
            weights[:, ~target] *= balance[:, None]
        both = [_rank_one(weights, keyword_index == k, *order) for k, order in orders.items()]
        for figures, place in ((precisions, 0), (areas, 1)):
            values = np.stack([pair[place] for pair in both])
            known = ~np.isnan(values)
            with np.errstate(invalid="ignore"):
                figures.append(np.where(known, values, 0).sum(axis=0) / known.sum(axis=0))
    return np.concatenate(precisions), np.concatenate(areas)


def _rank_one(
    weights: NDArray[np.float64], positive: NDArray[np.bool_], order: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[Figure, Figure]:
    """Average precision and AUC of one keyword, each `[rounds]`, for `weights [rounds, segments]`."""
    ranked = weights[:, order]
    is_positive = positive[order]
    true = np.cumsum(np.where(is_positive, ranked, 0), axis=1)[:, ends]
    false = np.cumsum(np.where(is_positive, 0, ranked), axis=1)[:, ends]
    gained = np.diff(true, axis=1, prepend=0)
    missed = np.diff(false, axis=1, prepend=0)
    total_true, total_false = true[:, -1], false[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(gained > 0, gained * true / (true + false), 0).sum(axis=1) / total_true
        outranked = (missed * (true - gained / 2)).sum(axis=1)
        return precision, outranked / (total_true * total_false)


def _descending(scores: NDArray[np.floating[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order of falling scores, and the last place of each group of equal scores."""
    if np.isnan(scores).any():
        raise EvaluationError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    return order, np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
