"""Figures by group: who and what a system serves worse than its mean says."""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate, interval
from kws_core.evaluation.ranking import equal_error_rate
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap, share
from kws_core.evaluation.trial_figures import trial_figures

DURATIONS_S = (0.3, 0.45, 0.6)
SNRS_DB = (10.0, 20.0, 30.0)
SHOWN = 20
"""Groups of a kind that are listed at most, the worst first."""
LEAST_SEGMENTS = 3
"""Target segments below which a group is counted but not ranked: one miss would make it the worst."""
WORST_SHARE = 0.1
LEAST_GROUPS = 10
"""Of which a tenth can be told with an interval."""


@dataclass(frozen=True)
class GroupFigures:
    """One group: `frr` at the operating point, and `eer` where it has targets and others (else NaN).

    The interval of a single speaker is Wilson's, over the segments; of several a bootstrap over speakers.
    """

    group: str
    targets: int
    others: int
    speakers: int
    hours: float
    """Of the words, each counted once; NaN where it was not told."""
    frr: Estimate
    eer: Estimate


@dataclass(frozen=True)
class GroupSummary:
    """All groups of one kind (speaker, corpus, duration, SNR)."""

    kind: str
    system: str
    """What was measured: a back end, or a list of trials."""
    groups: int
    ranked: int
    """Groups with enough target segments."""
    mean_frr: float
    """Mean over the ranked groups."""
    worst_tenth_frr: Estimate
    """Mean over the worst tenth of them, at least one."""
    figures: tuple[GroupFigures, ...]
    """The worst ones, at least the worst tenth as far as `SHOWN` allows."""
    remarks: tuple[str, ...] = ()


def duration_groups(word_s: NDArray[np.floating[Any]]) -> NDArray[np.str_]:
    """The group of each word by its duration `[rows]`; "" for 0 s."""
    return _binned(np.where(word_s > 0, word_s, np.nan), DURATIONS_S, "s")


def snr_groups(snr_db: NDArray[np.floating[Any]]) -> NDArray[np.str_]:
    """The group of each segment by its estimated SNR `[rows]`; "" for NaN."""
    return _binned(snr_db, SNRS_DB, "dB")


def summarise_groups(
    groups: NDArray[np.str_],
    target: NDArray[np.bool_],
    missed: NDArray[np.bool_],
    scores: NDArray[np.floating[Any]],
    speakers: NDArray[np.str_],
    *,
    kind: str,
    system: str,
    word_s: NDArray[np.floating[Any]] | None = None,
    replicates: int = 200,
    seed: int = 0,
) -> GroupSummary:
    """FRR and EER of every group of rows.

    Args:
        groups: `[rows]`; rows of the group "" are left out.
        target: `[rows]`: should be accepted.
        missed: `[rows]`: was not, at the operating point.
        scores: `[rows]`: larger is more like a target.
        speakers: `[rows]`.
        kind: of the groups.
        system: what is measured.
        word_s: `[rows]`, 0 for a word that was counted before; None where it is not known.
        replicates: resamplings of the speakers.
        seed: of them.

    Raises:
        EvaluationError: lengths differ.
    """
    if len({len(groups), len(target), len(missed), len(scores), len(speakers)}) > 1:
        raise EvaluationError(
            f"groups by {kind} need one value a row, not {len(groups)} groups, {len(target)} target, {len(missed)} "
            f"missed, {len(scores)} scores and {len(speakers)} speakers"
        )
    word_s = np.full(len(groups), np.nan) if word_s is None else word_s
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] != ""]
    names, starts = np.unique(groups[order], return_index=True)
    found = (
        [
            _figures(name, rows, target, missed, scores, speakers, word_s, replicates, seed)
            for name, rows in zip(names.tolist(), np.split(order, starts[1:]), strict=True)
        ]
        if len(names)
        else []
    )
    ranked = sorted(
        (one for one in found if one.targets >= LEAST_SEGMENTS), key=lambda one: (-one.frr.value, one.group)
    )
    left_out = len(found) - len(ranked)
    remarks = (
        (f"{left_out} of {len(found)} groups have fewer than {LEAST_SEGMENTS} target segments and are not ranked",)
        if left_out
        else ()
    )
    if not found:
        remarks = (f"nothing is known of the {kind} of the segments",)
    rates = np.array([one.frr.value for one in ranked])
    return GroupSummary(
        kind,
        system,
        groups=len(found),
        ranked=len(ranked),
        mean_frr=float(rates.mean()) if ranked else float("nan"),
        worst_tenth_frr=worst_tenth(rates, replicates, seed),
        figures=tuple(ranked[:SHOWN]),
        remarks=remarks,
    )


def worst_tenth(rates: NDArray[np.float64], replicates: int, seed: int) -> Estimate:
    """Mean of the highest tenth of the `rates [groups]`, at least one.

    Its interval resamples the groups; there is none for fewer than ten.
    """
    if not len(rates):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    count = ceil(WORST_SHARE * len(rates))
    drawn = np.random.default_rng(seed).choice(rates, (replicates if len(rates) >= LEAST_GROUPS else 0, len(rates)))
    means = np.sort(drawn, axis=1)[:, len(rates) - count :].mean(axis=1)
    low, high = interval(means, len(rates))
    return Estimate(float(np.sort(rates)[::-1][:count].mean()), low, high, count)


def wilson(errors: int, trials: int) -> Estimate:
    """A share with Wilson's 95 % interval; NaN without trials. Source: Wilson 1927, J. Am. Stat. Assoc. 22."""
    if not trials:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    z, rate = 1.959964, errors / trials
    centre, scale = rate + z * z / (2 * trials), 1 + z * z / trials
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return Estimate(rate, max((centre - spread) / scale, 0.0), min((centre + spread) / scale, 1.0), trials)


def _figures(
    name: str,
    rows: NDArray[np.intp],
    target: NDArray[np.bool_],
    missed: NDArray[np.bool_],
    scores: NDArray[np.floating[Any]],
    speakers: NDArray[np.str_],
    word_s: NDArray[np.floating[Any]],
    replicates: int,
    seed: int,
) -> GroupFigures:
    own, people = target[rows], speakers[rows]
    targets = int(own.sum())
    several = len(np.unique(people)) > 1
    draws = SpeakerBootstrap(people, replicates if several else 0, seed)
    if several and targets:
        frr = draws.estimate(share(missed[rows], own, people, draws), targets)
    else:
        frr = wilson(int((missed[rows] & own).sum()), targets)
    eer = Estimate(float("nan"), float("nan"), float("nan"), 0)
    if 0 < targets < len(rows):
        found = trial_figures(scores[rows], own, people, people, draws, {"eer": equal_error_rate})
        eer = draws.estimate(found["eer"], len(rows))
    return GroupFigures(
        name, targets, len(rows) - targets, len(draws.speakers), float(word_s[rows].sum()) / 3600, frr, eer
    )


def _binned(values: NDArray[np.floating[Any]], edges: tuple[float, ...], unit: str) -> NDArray[np.str_]:
    names = [
        f"below {edges[0]:g} {unit}",
        *(f"{low:g} to {high:g} {unit}" for low, high in pairwise(edges)),
        f"from {edges[-1]:g} {unit}",
    ]
    places = np.digitize(values, edges)
    found: NDArray[np.str_] = np.where(np.isnan(values), "", np.array(names)[places])
    return found
