"""Trials: cosine scores of pairs of segments, and their error rates with intervals over speakers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import interval, speaker_multiplicities
from kws_core.evaluation.ranking import RankedTrials, equal_error_rate, lowest_frr

_REPLICATES_AT_ONCE = 10  # keeps the curves of one round in the cache


@dataclass(frozen=True)
class TrialSummary:
    """Error rates of one test set, shares in [0, 1], with 95 % bootstrap intervals over speakers.

    Interval bounds are NaN when none was asked for or there are too few speakers.
    """

    test_set: str
    trials: int
    same_trials: int
    speakers: int
    eer: float
    eer_low: float
    eer_high: float
    frr_at_far_2: float
    frr_low: float
    frr_high: float
    speaker_policy: str


def pair_rows(segment_ids: Iterable[str], wanted: Iterable[str]) -> NDArray[np.int64]:
    """Row of each wanted segment among `segment_ids`, `[wanted]`; raises `EvaluationError` for one not there."""
    rows = {segment_id: row for row, segment_id in enumerate(segment_ids)}
    try:
        return np.array([rows[segment_id] for segment_id in wanted], np.int64)
    except KeyError as error:
        raise EvaluationError(f"a trial names segment {error.args[0]!r}, which has no embedding") from None


def check_normalised(embeddings: NDArray[np.float32]) -> None:
    """Raise `EvaluationError` unless all `embeddings [n, dim]` are of length 1, to within 0.0005."""
    norms = np.einsum("nd,nd->n", embeddings, embeddings)
    if len(norms) and not (np.abs(norms - 1) < 1e-3).all():  # `not all`: NaN fails too
        raise EvaluationError("cosine scores need L2-normalised embeddings; some are not of length 1")


def score_pairs(
    embeddings: NDArray[np.float32], left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]], chunk: int = 8192
) -> NDArray[np.float32]:
    """Cosines `[trials]` of the rows `left [trials]` and `right [trials]` of L2-normalised `embeddings [n, dim]`.

    Works on `chunk` trials at a time. Raises `EvaluationError` for rows that do not exist and for embeddings that
    are not normalised.
    """
    if left.shape != right.shape or left.ndim != 1:
        raise EvaluationError(
            f"left and right must be row indexes of one length, not {list(left.shape)}, {list(right.shape)}"
        )
    for side in (left, right):
        if len(side) and not (side.min() >= 0 and side.max() < len(embeddings)):
            raise EvaluationError(f"trials name rows {side.min()} to {side.max()} of {len(embeddings)} embeddings")
    check_normalised(embeddings)
    scores = np.empty(len(left), np.float32)
    for start in range(0, len(left), chunk):
        part = slice(start, start + chunk)
        scores[part] = np.einsum("td,td->t", embeddings[left[part]], embeddings[right[part]])
    return scores


def summarise_trials(
    scores: NDArray[np.floating[Any]],
    same: NDArray[np.bool_],
    left_speakers: NDArray[np.str_],
    right_speakers: NDArray[np.str_],
    *,
    test_set: str,
    speaker_policy: str,
    replicates: int = 200,
    seed: int = 0,
) -> TrialSummary:
    """EER and FRR at FAR 2 % of `scores [trials]`, with 95 % bootstrap intervals over speakers.

    Each replicate draws as many speakers as there are, with replacement; a trial weighs the product of the
    multiplicities of its two speakers, or the multiplicity of its one. `replicates=0` leaves the intervals out.
    Raises `EvaluationError` when a class is empty, a score is NaN or the arrays differ in length.
    """
    if not len(scores) == len(same) == len(left_speakers) == len(right_speakers):
        raise EvaluationError(
            f"test set {test_set!r} has {len(scores)} scores, {len(same)} same, "
            f"{len(left_speakers)} left and {len(right_speakers)} right speakers: all must be one per trial"
        )
    try:
        ranked = RankedTrials(scores, same)
    except EvaluationError as error:
        raise EvaluationError(f"test set {test_set!r}: {error}") from None
    far, frr = ranked.error_rates()
    names, codes = np.unique(np.concatenate([left_speakers, right_speakers]), return_inverse=True)
    eer_bounds = frr_bounds = (float("nan"), float("nan"))
    if replicates:
        left, right = codes[: len(scores)][ranked.order], codes[len(scores) :][ranked.order]
        drawn = speaker_multiplicities(len(names), replicates, seed)
        eers, frrs = _replicate(ranked, drawn, left, right)
        eer_bounds, frr_bounds = interval(eers, len(names)), interval(frrs, len(names))
    return TrialSummary(
        test_set,
        trials=len(scores),
        same_trials=int(same.sum()),
        speakers=len(names),
        eer=float(equal_error_rate(far, frr)),
        eer_low=eer_bounds[0],
        eer_high=eer_bounds[1],
        frr_at_far_2=float(lowest_frr(far, frr, 0.02)),
        frr_low=frr_bounds[0],
        frr_high=frr_bounds[1],
        speaker_policy=speaker_policy,
    )


def _replicate(
    ranked: RankedTrials, drawn: NDArray[np.int64], left: NDArray[np.intp], right: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """EER and FRR at FAR 2 % of every replicate, each `[replicates]`; speakers in ranked order."""
    other_speaker = left != right
    eers, frrs = [], []
    for start in range(0, len(drawn), _REPLICATES_AT_ONCE):
        counts = drawn[start : start + _REPLICATES_AT_ONCE]
        weights = counts[:, left] * np.where(other_speaker, counts[:, right], 1)
        far, frr = ranked.error_rates(weights)
        eers.append(equal_error_rate(far, frr))
        frrs.append(lowest_frr(far, frr, 0.02))
    return np.concatenate(eers), np.concatenate(frrs)
