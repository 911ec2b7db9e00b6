"""The table of the study `arora2019`: errors of every method at every imbalance, and the paper's claims."""

from collections import Counter
from math import isnan

import numpy as np

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap, relative_reduction, seed_mean
from kws_core.studies.arora2019_config import Arora2019Config
from kws_core.studies.arora2019_measures import average_precision, balanced_error, miss_rate
from kws_core.studies.arora2019_methods import CLUSTERED, METHODS, SIAMESE, WEIGHTED
from kws_core.studies.result import CellResult
from kws_core.studies.study import Results, by_method
from kws_core.studies.table import Claim, StudyColumn, StudyRow, StudyTable, judge_claim

WORDS, SOUNDS = "rare keywords", "rare sounds"
CLAIMED_REDUCTION = 0.15
"""Arora et al.: 15-30 % less error than re-weighting."""
Errors = dict[tuple[int, str], Figure]


def cell_method(task: str, imbalance: int, method: str) -> str:
    """Name of a cell's method, unique among the cells of one seed."""
    return f"{task}, 1:{imbalance}, {method}"


def arora_table(results: Results, config: Arora2019Config) -> StudyTable:
    """One block a task and imbalance, one row a method; the claims compare errors over the same resampled speakers."""
    grouped = by_method(results)
    columns = (
        StudyColumn("error", "Balanced error"),
        StudyColumn("reduction", "Error reduction against class weights"),
        StudyColumn("siamese_reduction", "Error reduction against siamese"),
        StudyColumn("average_precision", "Average precision"),
        StudyColumn("frr", f"FRR at FAR {100 * config.far:g} %"),
    )
    rows: list[StudyRow] = []
    claims: list[Claim] = []
    answers: list[str] = []
    notes: list[str] = []
    for task in (WORDS, SOUNDS) if config.sounds is not None else (WORDS,):
        first = grouped[cell_method(task, config.imbalances[0], METHODS[0])][0]
        draws = SpeakerBootstrap(first["units"], config.replicates)
        errors = _errors(grouped, task, draws, config)
        for (imbalance, method), error in errors.items():
            cells = grouped[cell_method(task, imbalance, method)]
            figures = {
                "error": error,
                "average_precision": seed_mean([average_precision(cell, draws) for cell in cells]),
                "frr": seed_mean([miss_rate(cell, draws, config.far) for cell in cells]),
            }
            if method != WEIGHTED:
                figures["reduction"] = relative_reduction(error, errors[imbalance, WEIGHTED])
            if method == CLUSTERED:
                figures["siamese_reduction"] = relative_reduction(error, errors[imbalance, SIAMESE])
            shown = {name: draws.estimate(figure, len(first["units"])) for name, figure in figures.items()}
            rows.append(StudyRow(method, f"{task}, 1:{imbalance}", shown))
        claims += _claims(task, errors, draws, len(first["units"]), config)
        if claimed := _claimed(config):
            answers.append(answer(task, draws.estimate(_gain_over_siamese(errors, claimed), 0), claimed))
        notes.append(_task_note(task, grouped, draws, config))
    return StudyTable(columns, tuple(rows), tuple(claims), (*answers, *notes, *_notes(grouped, config)))


def _errors(
    grouped: dict[str, list[CellResult]], task: str, draws: SpeakerBootstrap, config: Arora2019Config
) -> Errors:
    """Balanced error of every imbalance and method, mean over seeds."""
    return {
        (imbalance, method): seed_mean(
            [balanced_error(cell, draws) for cell in grouped[cell_method(task, imbalance, method)]]
        )
        for imbalance in config.imbalances
        for method in METHODS
    }


def _claims(task: str, errors: Errors, draws: SpeakerBootstrap, count: int, config: Arora2019Config) -> list[Claim]:
    reduction = {
        imbalance: relative_reduction(errors[imbalance, CLUSTERED], errors[imbalance, WEIGHTED])
        for imbalance in config.imbalances
    }
    claimed = _claimed(config)
    claims = [
        judge_claim(
            f"Clustered pre-training cuts the balanced error of class weights by at least "
            f"{100 * CLAIMED_REDUCTION:g} %: {task}, 1:{imbalance}",
            "15-30 %",
            draws.estimate(reduction[imbalance], count),
            CLAIMED_REDUCTION,
            "%",
        )
        for imbalance in claimed
    ]
    least, most = min(config.imbalances), max(config.imbalances)
    if most > least:
        claims.append(
            judge_claim(
                f"That cut is larger at 1:{most} than at 1:{least}: {task}",
                "the gain grows with the imbalance",
                draws.estimate(reduction[most] - reduction[least], count),
            )
        )
    if claimed:
        statement = f"Clustered errs less than siamese pre-training: {task}, mean error of {_ratios(claimed)}"
        gain = _gain_over_siamese(errors, claimed)
        claims.append(judge_claim(statement, "left open by the seed", draws.estimate(gain, count), 0.0, "%"))
    return claims


def _claimed(config: Arora2019Config) -> list[int]:
    """Imbalances at which the paper's claim holds."""
    return [imbalance for imbalance in sorted(config.imbalances) if imbalance >= config.claimed_from]


def _gain_over_siamese(errors: Errors, imbalances: list[int]) -> Figure:
    clustered, siamese = (
        seed_mean([errors[imbalance, method] for imbalance in imbalances]) for method in (CLUSTERED, SIAMESE)
    )
    return relative_reduction(clustered, siamese)


def answer(task: str, gain: Estimate, imbalances: list[int]) -> str:
    """The open question in one sentence: which of the two is better, when the whole interval is on one side of 0."""
    told = "the interval holds 0, so these data do not tell which is better"
    if gain.low > 0:
        told = "clustered pre-training is better"
    elif gain.high < 0:
        told = "siamese pre-training is better"
    elif isnan(gain.low):
        told = "there is no interval, so these data do not tell which is better"
    return (
        f"Clustered against siamese pre-training, {task}: clustered cuts the mean error of {_ratios(imbalances)} by "
        f"{100 * gain.value:.1f} % [{100 * gain.low:.1f}, {100 * gain.high:.1f}]; {told}."
    )


def _ratios(imbalances: list[int]) -> str:
    return ", ".join(f"1:{imbalance}" for imbalance in imbalances)


def _task_note(
    task: str, grouped: dict[str, list[CellResult]], draws: SpeakerBootstrap, config: Arora2019Config
) -> str:
    """What was tested and trained on, in numbers; those of training are of seed 0."""
    shown = {imbalance: grouped[cell_method(task, imbalance, CLUSTERED)][0] for imbalance in config.imbalances}
    first = shown[config.imbalances[0]]
    background = first["scores"].shape[1] - 1
    heard = first["labels"] < background
    kind, every = ("speakers", "speakers") if task == WORDS else ("recordings", "recordings and speakers")
    trained = []
    for imbalance, cell in shown.items():
        events, others, clusters = cell["training"].tolist()
        units = cell["training_units"]
        by = f"{units.min()} to {units.max()} {kind} an event"
        trained.append(f"1:{imbalance} {events:,} ({by}) and {others:,} ({clusters})")
    licences = f" Licences of its recordings: {'; '.join(first['licences'].tolist())}." if task == SOUNDS else ""
    return (
        f"{task.capitalize()}: tested on {int(heard.sum()):,} segments of {background} events from "
        f"{len(np.unique(first['units'][heard])):,} {kind} and {int((~heard).sum()):,} of background; all are from "
        f"{len(draws.speakers):,} {every} that are not heard in training. Training segments of events and of "
        f"background (its pseudo-classes): {'; '.join(trained)}.{licences}"
    )


def _notes(grouped: dict[str, list[CellResult]], config: Arora2019Config) -> tuple[str, ...]:
    two_stage = [cell for name, cells in grouped.items() if name.endswith((SIAMESE, CLUSTERED)) for cell in cells]
    stages = Counter(str(cell["stage"]) for cell in two_stage)
    kept = ", ".join(f"{stage} {count}" for stage, count in sorted(stages.items()))
    return (
        "Balanced error: the mean over the events and background of the share of their segments decided as another "
        "class. Average precision: of each event's posterior against all other segments at the test set's own ratio, "
        "mean over events. FRR: of any event against background.",
        "Reductions are 1 - error / error of the other method, means over seeds, over the same resampled speakers. A "
        "replicate that lacks a class leaves it out of its mean.",
        f"Every method makes about {config.pretraining_steps + config.steps:,} steps with the encoder. Two-stage "
        f"methods keep what has the lower balanced error on development segments, which keep their own ratio: {kept}.",
        "Siamese and clustered pre-training differ in loss and in background, one class or pseudo-classes; batches "
        "draw all classes equally often.",
    )
