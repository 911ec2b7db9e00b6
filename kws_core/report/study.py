"""The page and the text of a study: claims first, then every figure with its interval."""

from collections.abc import Mapping
from math import isnan

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.det_plot import det_plot
from kws_core.report.data import Fact, ReportData, ReportFigure, ReportTable
from kws_core.report.numbers import NOTHING, count, percent
from kws_core.report.page import render_report
from kws_core.report.tables import configuration_table
from kws_core.studies.table import StudyColumn, StudyTable

REPRODUCED = {"yes": "reproduced", "no": "not reproduced", "unsure": "unsure"}


def study_page(
    title: str, facts: Mapping[str, str], table: StudyTable, configuration: Mapping[str, object], licences: str = ""
) -> str:
    """One HTML page that needs nothing else; equal input gives equal bytes."""
    # said once, under the claims: every table of figures would repeat it
    note = " ".join(["Intervals: 95 %, bootstrap over speakers; every figure is the mean over seeds.", *table.notes])
    tables = [
        ReportTable(
            "claims",
            "The paper's claims",
            ("Claim", "Paper", "Here", "Verdict", "Rule"),
            tuple(
                (
                    claim.statement,
                    claim.paper,
                    show_figure(claim.ours, claim.kind),
                    REPRODUCED[claim.reproduced],
                    claim.rule,
                )
                for claim in table.claims
            ),
            note,
        ),
        *(_figures_table(table, test_set) for test_set in test_sets(table)),
        configuration_table(configuration),
    ]
    named = [Fact(name, value) for name, value in {**facts, "Licences of the data": licences}.items() if value]
    figures = tuple(ReportFigure(name, det_plot(curves, name)) for name, curves in table.curves.items())
    return render_report(ReportData(title, facts=tuple(named), tables=tuple(tables), figures=figures))


def study_text(title: str, table: StudyTable) -> str:
    """The same for a terminal: one block a test set, one line a method, then the claims."""
    blocks = [title]
    for test_set in test_sets(table):
        columns, rows = _cells(table, test_set)
        rows = tuple(tuple(cell.replace(" points", "").replace(NOTHING, "") for cell in row) for row in rows)
        widths = [max(len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (columns, *rows)
        ]
        blocks.append("\n".join([f"{test_set} (95 % intervals over speakers)", *(line.rstrip() for line in lines)]))
    for claim in table.claims:
        ours = show_figure(claim.ours, claim.kind)
        blocks.append(f"{REPRODUCED[claim.reproduced]}: {claim.statement}\n  paper: {claim.paper}; here: {ours}")
    return "\n\n".join([*blocks, *table.notes]) + "\n"


def show_figure(figure: Estimate, kind: str) -> str:
    """A share as "3.2 % [2.1, 4.4]", a difference of shares as "+3.2 points [+2.1, +4.4]"; "none" for NaN."""
    if kind != "points" or isnan(figure.value):
        return percent(figure.value, figure.low, figure.high)
    value, low, high = (f"{100 * bound:+.1f}" for bound in (figure.value, figure.low, figure.high))
    return f"{value} points" if isnan(figure.low) or isnan(figure.high) else f"{value} points [{low}, {high}]"


def test_sets(table: StudyTable) -> list[str]:
    """Test sets in the order of their first row."""
    return list(dict.fromkeys(row.test_set for row in table.rows))


def _figures_table(table: StudyTable, test_set: str) -> ReportTable:
    columns, rows = _cells(table, test_set)
    number = test_sets(table).index(test_set)
    return ReportTable(f"figures-{number}", test_set, columns, rows)


def _cells(table: StudyTable, test_set: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heading and rows of one test set; columns without a figure in it are left out."""
    rows = [row for row in table.rows if row.test_set == test_set]
    columns = [column for column in table.columns if any(column.key in row.figures for row in rows)]
    heading = ("Method", *(column.title + _counts(column, [row.figures for row in rows]) for column in columns))
    body = [
        (row.method, *(show_figure(row.figures[c.key], c.kind) if c.key in row.figures else NOTHING for c in columns))
        for row in rows
    ]
    return heading, tuple(body)


def _counts(column: StudyColumn, figures: list[Mapping[str, Estimate]]) -> str:
    """How many segments or trials the column is measured on, where that is one number."""
    found = {row[column.key].count for row in figures if column.key in row} - {0}
    return f" (n {count(found.pop())})" if len(found) == 1 else ""
