"""The report's tables about data, alignment, search and configuration."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import pyarrow as pa

from kws_core.evaluation.alignment import AlignmentSummary
from kws_core.report.data import ReportTable
from kws_core.report.numbers import FAILED, NOTHING, count, milliseconds, percent, plain
from kws_core.schemas import QUARANTINE, check_schema


@dataclass(frozen=True)
class StageCounts:
    """Rows that went into a stage, came out and were rejected, and the parts they lie in."""

    stage: str
    rows_in: int
    rows_out: int
    rejected: int
    parts: int


@dataclass(frozen=True)
class SearchTrial:
    """One trial of the hyper-parameter search; `score` is NaN for a trial that failed."""

    name: str
    parameters: Mapping[str, object]
    epochs: int
    score: float
    chosen: bool = False


def stages_table(stages: Sequence[StageCounts]) -> ReportTable:
    """Rows in, out and rejected of every stage."""
    rows = [
        (
            stage.stage,
            count(stage.rows_in),
            count(stage.rows_out),
            count(stage.rejected),
            percent(stage.rejected / stage.rows_in if stage.rows_in else float("nan")),
            count(stage.parts),
        )
        for stage in stages
    ]
    return ReportTable(
        "data",
        "Data, stage by stage",
        ("Stage", "Rows in", "Rows out", "Rejected", "Share rejected", "Parts"),
        tuple(rows),
        "A row in is a recording, an utterance or a word, as the stage has it; one row can become several.",
    )


def rejections_table(
    quarantine: pa.Table, note: str = "Rejected inputs are kept in the quarantine dataset, each with its reason."
) -> ReportTable:
    """Rejected inputs by stage and reason, the most frequent first; raises `SchemaError` for another schema.

    Figures and quoted words within a reason are left out when inputs are counted, so that "0.31 s is too short" and
    "0.28 s is too short" count together; the first input stands for each.
    """
    check_schema(quarantine, QUARANTINE, "quarantine")
    counted: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for row in quarantine.to_pylist():
        key = (row["stage"], _without_details(row["reason"]))
        counted[key] += 1
        examples.setdefault(key, f"{row['source']}: {row['reason']}")
    ordered = sorted(counted, key=lambda key: (-counted[key], key))
    return ReportTable(
        "rejections",
        "Why inputs were rejected",
        ("Stage", "Inputs", "Example"),
        tuple((stage, count(counted[stage, reason]), examples[stage, reason]) for stage, reason in ordered),
        note,
    )


def alignment_table(summaries: Mapping[str, AlignmentSummary]) -> ReportTable:
    """Boundary errors, a line for the starts and one for the ends of every named alignment."""
    rows = []
    for name, summary in summaries.items():
        counts = (count(summary.words), count(summary.missing))
        starts = (summary.median_ms, summary.p90_ms, summary.share_over_50_ms, summary.share_over_100_ms)
        ends = (
            summary.end_median_ms,
            summary.end_p90_ms,
            summary.end_share_over_50_ms,
            summary.end_share_over_100_ms,
        )
        for boundary, (median, p90, over_50, over_100) in (("starts", starts), ("ends", ends)):
            errors = (milliseconds(median), milliseconds(p90), percent(over_50), percent(over_100))
            rows.append((name, boundary, *counts, *errors))
    return ReportTable(
        "alignment",
        "Alignment quality",
        ("Alignment", "Boundaries", "Words", "Missing", "Median error", "90th percentile", "Over 50 ms", "Over 100 ms"),
        tuple(rows),
        "Distance of word boundaries from the reference. Missing: reference words that the aligner lost.",
    )


def search_table(trials: Sequence[SearchTrial], score_name: str) -> ReportTable:
    """Trials of the search, best (least) score first, failed ones last; the score is a share in [0, 1]."""
    names = sorted({name for trial in trials for name in trial.parameters})
    ordered = sorted(trials, key=lambda trial: (isnan(trial.score), trial.score, trial.name))
    rows = [
        (
            trial.name,
            FAILED if isnan(trial.score) else percent(trial.score),
            "chosen" if trial.chosen else "",
            *(plain(trial.parameters.get(name)) for name in names),
            count(trial.epochs),
        )
        for trial in ordered
    ]
    return ReportTable(
        "search",
        "Hyper-parameter search",
        ("Trial", score_name, "Choice", *names, "Epochs"),
        tuple(rows),
        "Measured on development data. Trials with fewer epochs were stopped early.",
    )


def configuration_table(configuration: Mapping[str, object]) -> ReportTable:
    """Every value of a nested configuration (such as `Experiment.model_dump()`), keys joined by dots; starts folded."""
    return ReportTable(
        "configuration", "Configuration", ("Key", "Value"), tuple(_flatten(configuration, "")), folded=True
    )


def fingerprints_table(fingerprints: Mapping[str, str]) -> ReportTable:
    """What the figures were measured on and of, each by the hash of its content; starts folded."""
    return ReportTable(
        "fingerprints", "Fingerprints", ("What", "SHA-256 of its content"), tuple(fingerprints.items()), folded=True
    )


def _flatten(values: Mapping[str, object], prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flatten(value, f"{name}.") or [(name, NOTHING)]
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            rows += _flatten({str(number): item for number, item in enumerate(value)}, f"{name}.")
        else:
            rows.append((name, plain(value)))
    return rows


def _without_details(reason: str) -> str:
    return re.sub(r"'[^']*'|[-+]?\d+(\.\d+)?(e[-+]?\d+)?", "#", reason)
