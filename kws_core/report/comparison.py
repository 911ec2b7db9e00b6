"""Several systems on the same trials, as a page and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kws_core.evaluation.system_comparison import FigureComparison
from kws_core.report.against import against_table
from kws_core.report.data import ReportData, ReportTable
from kws_core.report.evaluation import JudgedSystem, det_figures
from kws_core.report.few_shot import few_shot_table
from kws_core.report.measures import detection_table, trials_table
from kws_core.report.numbers import NOTHING, count, estimate, percent
from kws_core.report.page import render_report
from kws_core.report.tables import fingerprints_table


@dataclass(frozen=True)
class ComparedSystem:
    """A judged system, the size of its embeddings, how long a window took, and how it stands against the first."""

    judged: JudgedSystem
    dim: int
    window_ms: float
    """Processor time of a one-second window."""
    against_first: tuple[FigureComparison, ...] = ()


def comparison_page(
    title: str,
    systems: Sequence[ComparedSystem],
    fingerprints: Mapping[str, str],
    more: Sequence[ReportTable] = (),
) -> str:
    """One HTML page; the first system is the one that the others are set against."""
    first = systems[0].judged
    tables = list[ReportTable]()
    for number, system in enumerate(systems):
        name = system.judged.name
        if system.against_first:
            tables.append(against_table(system.against_first, name, first.name, f"against-{number}"))
    for number, system in enumerate(systems):
        judged = system.judged
        own = [_named(trials_table(judged.evaluation.trials), judged.name, number)]
        if judged.evaluation.detection:
            own.append(_named(detection_table(judged.evaluation.detection), judged.name, number))
        own.append(_named(few_shot_table(judged.evaluation.few_shot), judged.name, number))
        tables += own
    return render_report(
        ReportData(
            title,
            tables=(*tables, *more, fingerprints_table(fingerprints)),
            figures=tuple(det_figures([system.judged for system in systems])),
            summary=(systems_table(systems),),
            remarks=first.evaluation.remarks,
        )
    )


def systems_table(systems: Sequence[ComparedSystem]) -> ReportTable:
    """One line a system and list of trials."""
    shots = sorted({few.shots for system in systems for few in system.judged.evaluation.few_shot if few.episodes})
    rows = [
        (
            system.judged.name,
            trial.test_set,
            percent(trial.eer, trial.eer_low, trial.eer_high),
            percent(trial.frr_at_far_2, trial.frr_low, trial.frr_high),
            *(_few_shot(system, number) for number in shots),
            count(trial.trials),
            count(trial.speakers),
            count(system.dim),
            f"{system.window_ms:.1f} ms",
        )
        for trial_number in range(max(len(system.judged.evaluation.trials) for system in systems))
        for system in systems
        for trial in system.judged.evaluation.trials[trial_number : trial_number + 1]
    ]
    columns = ("System", "Trials of", "EER", "FRR at FAR 2 %", *(f"{number}-shot" for number in shots))
    return ReportTable(
        "systems",
        "Systems side by side",
        (*columns, "Trials", "Speakers", "Dimensions", "Time a window"),
        tuple(rows),
        "In brackets: 95 % interval, by bootstrap over speakers; the differences below are paired and tell more. "
        "Shots: accuracy of words learnt from so many examples by other speakers. Time: of the processor, for one "
        "second of audio.",
    )


def table_text(table: ReportTable) -> str:
    """The table for a terminal."""
    lines = [table.columns, *table.rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(row.rstrip() for row in rows)


def _few_shot(system: ComparedSystem, shots: int) -> str:
    """Over all words, or those that were never trained."""
    found = [few for few in system.judged.evaluation.few_shot if few.shots == shots and few.episodes]
    return estimate(found[-1].accuracy) if found else NOTHING


def _named(table: ReportTable, name: str, number: int) -> ReportTable:
    return ReportTable(
        f"{table.id}-{number}",
        f"{table.caption.split(':')[0]}, {name}",
        table.columns,
        table.rows,
        table.note,
        folded=True,
        remarks=table.remarks,
    )
