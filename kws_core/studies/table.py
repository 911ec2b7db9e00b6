"""The table of a study: figures with intervals, and a verdict on each of the paper's claims by a stated rule."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Literal

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.det import DetCurve

Verdict = Literal["yes", "no", "unsure"]


@dataclass(frozen=True)
class StudyColumn:
    """One figure of the table."""

    key: str
    """Name in the CSV file: lower case with underscores."""
    title: str
    kind: Literal["percent", "points"] = "percent"
    """`percent`: a share in [0, 1] or a relative change. `points`: a difference of shares, shown with its sign."""


@dataclass(frozen=True)
class StudyRow:
    """One method on one test set; a column that does not apply is absent from `figures`."""

    method: str
    test_set: str
    figures: Mapping[str, Estimate]


@dataclass(frozen=True)
class Claim:
    """What a paper says, what came out here, and whether it was reproduced."""

    statement: str
    paper: str
    """The paper's figure, in words."""
    ours: Estimate
    reproduced: Verdict
    rule: str
    """How `reproduced` follows from the interval."""
    kind: Literal["percent", "points"] = "points"


@dataclass(frozen=True)
class StudyTable:
    """Everything that a study reports."""

    columns: tuple[StudyColumn, ...]
    rows: tuple[StudyRow, ...]
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about the protocol that a reader needs: data, ratios, choices made on development data."""
    curves: Mapping[str, Mapping[str, DetCurve]] = field(default_factory=dict)
    """DET plots: curves by their names, by the title of the plot."""


def judge_claim(statement: str, paper: str, ours: Estimate, least: float = 0.0, unit: str = "points") -> Claim:
    """A claim that a figure exceeds `least`: reproduced when the whole 95 % interval does.

    Not reproduced when the whole interval lies at or below `least`; unsure when the interval holds `least` or there
    is no interval. A claim that something falls is stated as the reduction.
    """
    reproduced: Verdict = "unsure"
    if not isnan(ours.low) and ours.low > least:
        reproduced = "yes"
    elif not isnan(ours.high) and ours.high <= least:
        reproduced = "no"
    rule = f"yes when the whole interval is above {100 * least:g} {unit}, no when none of it is"
    return Claim(statement, paper, ours, reproduced, rule, "points" if unit == "points" else "percent")


def table_csv(table: StudyTable) -> str:
    """One line a row: method, test set, then value, low, high and count of every column; empty where it is NaN."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    suffixes = ("", "_low", "_high", "_count")
    writer.writerow(["method", "test_set", *(column.key + suffix for column in table.columns for suffix in suffixes)])
    for row in table.rows:
        cells: list[str] = []
        for column in table.columns:
            figure = row.figures.get(column.key)
            cells += (
                [""] * 4
                if figure is None
                else [*map(_number, (figure.value, figure.low, figure.high)), str(figure.count)]
            )
        writer.writerow([row.method, row.test_set, *cells])
    return sink.getvalue()


def _number(value: float) -> str:
    return "" if isnan(value) else f"{value:.6f}"
