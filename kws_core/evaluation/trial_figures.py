"""Figures of ranked trials under a paired bootstrap over speakers: EER, FRR at a FAR, AUC, minimum detection cost."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.evaluation.ranking import RankedTrials, equal_error_rate, lowest_frr
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap

Measure = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""One figure `[...]` of the points `(far, frr) [..., points]` of rising threshold."""

TARGET_PRIOR = 0.01
MISS_COST = 1.0
FALSE_ALARM_COST = 1.0
"""Prior and costs of NIST's speaker recognition evaluations of 2012 and later (there one of two priors)."""


def area_under_curve(far: NDArray[np.float64], frr: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area under 1 - FRR over FAR: the chance that a same trial outscores a different one, ties counted half."""
    accepted = 1 - (frr[..., :-1] + frr[..., 1:]) / 2
    area: NDArray[np.float64] = np.einsum("...p,...p->...", -np.diff(far, axis=-1), accepted)
    return area


def min_dcf(
    far: NDArray[np.float64],
    frr: NDArray[np.float64],
    target_prior: float = TARGET_PRIOR,
    miss_cost: float = MISS_COST,
    false_alarm_cost: float = FALSE_ALARM_COST,
) -> NDArray[np.float64]:
    """The least detection cost of any threshold, 1 being that of a system that decides without looking.

    Cost: `miss_cost * target_prior * frr + false_alarm_cost * (1 - target_prior) * far`, divided by the lesser of
    accepting and rejecting everything. Source: NIST 2016 Speaker Recognition Evaluation Plan, section 3.1.
    """
    miss, false_alarm = miss_cost * target_prior, false_alarm_cost * (1 - target_prior)
    least: NDArray[np.float64] = (miss * frr + false_alarm * far).min(axis=-1) / min(miss, false_alarm)
    return least


TRIAL_MEASURES: Mapping[str, Measure] = {
    "eer": equal_error_rate,
    "frr_at_far_2": partial(lowest_frr, limit=0.02),
    "frr_at_far_1": partial(lowest_frr, limit=0.01),
    "frr_at_far_0_1": partial(lowest_frr, limit=0.001),
    "auc": area_under_curve,
    "min_dcf": min_dcf,
}
"""What every list of trials is measured by; FARs in percent."""


def trial_figures(
    scores: NDArray[np.floating[Any]],
    same: NDArray[np.bool_],
    left_speakers: NDArray[np.str_],
    right_speakers: NDArray[np.str_],
    draws: SpeakerBootstrap,
    measures: Mapping[str, Measure] = TRIAL_MEASURES,
) -> dict[str, Figure]:
    """The `measures` of `scores [trials]` against `same [trials]`, and of every resampling.

    A trial weighs the product of the multiplicities of its two speakers, or the multiplicity of its one. Raises
    `EvaluationError` when a class is empty, a score is NaN or a speaker is not among those of the bootstrap.
    """
    ranked = RankedTrials(np.asarray(scores), np.asarray(same))
    left, right = (draws.codes(side)[ranked.order] for side in (left_speakers, right_speakers))
    other_speaker = left != right
    found: dict[str, list[Figure]] = {name: [] for name in measures}
    for counts in draws.rounds(len(scores)):
        far, frr = ranked.error_rates(counts[:, left] * np.where(other_speaker, counts[:, right], 1))
        for name, measure in measures.items():
            found[name].append(measure(far, frr))
    return {name: np.concatenate(figures) for name, figures in found.items()}


def eer_and_frr(
    scores: NDArray[np.floating[Any]],
    same: NDArray[np.bool_],
    left_speakers: NDArray[np.str_],
    right_speakers: NDArray[np.str_],
    draws: SpeakerBootstrap,
    far: float = 0.02,
) -> tuple[Figure, Figure]:
    """EER, and FRR at FAR `far`; see `trial_figures`."""
    measures: dict[str, Measure] = {"eer": equal_error_rate, "frr": partial(lowest_frr, limit=far)}
    found = trial_figures(scores, same, left_speakers, right_speakers, draws, measures)
    return found["eer"], found["frr"]
