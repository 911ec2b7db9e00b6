"""Trials: cosine scores of pairs of segments, and their error rates with intervals over speakers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.evidence import few_speakers, no_errors, too_few_for_far
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap
from kws_core.evaluation.trial_figures import trial_figures

FARS = (0.02, 0.01, 0.001)


@dataclass(frozen=True)
class TrialSummary:
    """Figures of one test set with 95 % bootstrap intervals over speakers, and what they are measured on.

    Interval bounds are NaN when none was asked for or there are too few speakers.
    """

    test_set: str
    speaker_policy: str
    trials: int
    same_trials: int
    speakers: int
    hours: float
    """Of the words in the trials, each counted once; NaN where it was not told."""
    figures: dict[str, Estimate]
    """By the names of `trial_figures.TRIAL_MEASURES`."""
    remarks: tuple[str, ...] = ()
    """What the test set is too small to show."""

    @property
    def eer(self) -> float:
        """The equal error rate."""
        return self.figures["eer"].value

    @property
    def eer_low(self) -> float:
        """Lower bound of its interval."""
        return self.figures["eer"].low

    @property
    def eer_high(self) -> float:
        """Upper bound of its interval."""
        return self.figures["eer"].high

    @property
    def frr_at_far_2(self) -> float:
        """The FRR at FAR 2 %."""
        return self.figures["frr_at_far_2"].value

    @property
    def frr_low(self) -> float:
        """Lower bound of the interval of the FRR at FAR 2 %."""
        return self.figures["frr_at_far_2"].low

    @property
    def frr_high(self) -> float:
        """Upper bound of it."""
        return self.figures["frr_at_far_2"].high


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
    hours: float = float("nan"),
    replicates: int = 200,
    seed: int = 0,
) -> TrialSummary:
    """EER, FRR at three FARs, AUC and minimum detection cost of `scores [trials]`, with 95 % intervals over speakers.

    Each replicate draws as many speakers as there are, with replacement; a trial weighs the product of the
    multiplicities of its two speakers, or the multiplicity of its one. `replicates=0` leaves the intervals out.
    Raises `EvaluationError` when a class is empty, a score is NaN or the arrays differ in length.
    """
    if not len(scores) == len(same) == len(left_speakers) == len(right_speakers):
        raise EvaluationError(
            f"test set {test_set!r} has {len(scores)} scores, {len(same)} same, "
            f"{len(left_speakers)} left and {len(right_speakers)} right speakers: all must be one per trial"
        )
    same_trials = int(np.sum(same))
    try:
        draws = SpeakerBootstrap(np.concatenate([left_speakers, right_speakers]), replicates, seed)
        figures = trial_figures(scores, same, left_speakers, right_speakers, draws)
    except EvaluationError as error:
        raise EvaluationError(f"test set {test_set!r}: {error}") from None
    estimates = {name: draws.estimate(figure, len(scores)) for name, figure in figures.items()}
    speakers, different_trials = len(draws.speakers), len(scores) - same_trials
    eer = estimates["eer"].value
    remarks = (
        *few_speakers(speakers),
        *too_few_for_far(different_trials, FARS),
        *no_errors("false rejections at EER", round(eer * same_trials), same_trials),
    )
    return TrialSummary(
        test_set, speaker_policy, len(scores), same_trials, speakers, hours, figures=estimates, remarks=remarks
    )
