"""What a page says of a judged system: curves, tables, errors to hear, and how it stands against a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kws_core.bundle import BundleDescription
from kws_core.evaluation.det_plot import det_plot
from kws_core.evaluation.embedding_map import EmbeddingMap
from kws_core.evaluation.streams.measures import StreamEvaluation
from kws_core.evaluation.system import SystemEvaluation
from kws_core.evaluation.system_comparison import FigureComparison
from kws_core.report.against import against_table
from kws_core.report.data import ReportFigure, ReportGallery, ReportTable
from kws_core.report.embedding_map import embedding_gallery
from kws_core.report.few_shot import few_shot_table
from kws_core.report.groups import groups_table, worst_groups_table
from kws_core.report.keywords import keywords_table
from kws_core.report.measures import detection_table, trials_table
from kws_core.report.recognition import confusable_table, confusion_gallery, confusions_table, open_set_table
from kws_core.report.streams import streams_figure, streams_table


@dataclass(frozen=True)
class JudgedSystem:
    """A system and what was measured of it; `description` is None for an encoder that is no bundle."""

    name: str
    evaluation: SystemEvaluation
    streams: StreamEvaluation | None = None
    description: BundleDescription | None = None


@dataclass(frozen=True)
class Examination:
    """What was found by looking closer at one system."""

    comparison: tuple[FigureComparison, ...] = ()
    """With the baseline."""
    errors: tuple[ReportGallery, ...] = ()
    map: EmbeddingMap | None = None


NOTHING_MORE = Examination()


@dataclass(frozen=True)
class EvaluationFacts:
    """A judged system, its baseline if there is one, and what a closer look found."""

    system: JudgedSystem
    baseline: JudgedSystem | None = None
    examination: Examination = field(default=NOTHING_MORE)

    @property
    def both(self) -> tuple[JudgedSystem, ...]:
        """The system and its baseline."""
        return (self.system,) if self.baseline is None else (self.system, self.baseline)


def evaluation_figures(facts: EvaluationFacts) -> list[ReportFigure]:
    """DET curves, of each list with both systems where there is a baseline, and the curve of the streams."""
    curves = facts.system.evaluation.det_curves()
    if facts.baseline is None:
        figures = (
            [ReportFigure("DET curves of the test pair lists; the dotted line is FAR 2 %", det_plot(curves, "DET"))]
            if curves
            else []
        )
    else:
        figures = list(det_figures(facts.both))
    streams = {system.name: system.streams for system in facts.both if system.streams is not None}
    if streams:
        figures.append(streams_figure(streams))
    return figures


def det_figures(systems: Sequence[JudgedSystem]) -> list[ReportFigure]:
    """One figure a pair list, with the curves of all systems."""
    curves = {system.name: system.evaluation.det_curves() for system in systems}
    lists = dict.fromkeys(name for found in curves.values() for name in found)
    return [
        ReportFigure(
            f"DET curves of {name} trials; the dotted line is FAR 2 %",
            det_plot({system: found[name] for system, found in curves.items() if name in found}, f"DET, {name}"),
        )
        for name in lists
    ]


def evaluation_summary(facts: EvaluationFacts) -> tuple[ReportTable, ...]:
    """The system against its baseline; nothing without one."""
    if facts.baseline is None:
        return ()
    return (against_table(facts.examination.comparison, facts.system.name, facts.baseline.name),)


def evaluation_tables(facts: EvaluationFacts) -> list[ReportTable]:
    """Everything about the system itself."""
    system, evaluation = facts.system, facts.system.evaluation
    tables: list[ReportTable | None] = [trials_table(evaluation.trials)]
    if evaluation.detection:
        tables.append(detection_table(evaluation.detection))
    if system.description is not None:
        tables.append(keywords_table(system.description, evaluation, system.streams))
    if system.streams is not None:
        tables.append(streams_table(system.name, system.streams))
    if evaluation.open_set:
        tables.append(open_set_table(evaluation.open_set))
    for summary in evaluation.open_set:
        if system.description is not None and summary.backend == system.description.decision:
            tables += [confusions_table(summary), confusable_table(summary)]
    if evaluation.few_shot:
        tables.append(few_shot_table(evaluation.few_shot))
    decisions = {summary.backend for summary in evaluation.detection}
    groups = [
        summary
        for summary in evaluation.groups
        if system.description is None or summary.system not in decisions - {system.description.decision}
    ]
    if groups:
        tables += [groups_table(groups), worst_groups_table(groups)]
    return [table for table in tables if table is not None]


def evaluation_galleries(facts: EvaluationFacts) -> list[ReportGallery]:
    """Confusion matrix, map of embeddings and the worst errors."""
    system, found = facts.system, list[ReportGallery | None]()
    for summary in system.evaluation.open_set:
        if system.description is not None and summary.backend == system.description.decision:
            keywords = tuple(one.keyword for one in summary.keywords)
            found.append(confusion_gallery(summary, keywords))
    if facts.examination.map is not None:
        found.append(embedding_gallery(facts.examination.map, system.name))
    found += facts.examination.errors
    return [gallery for gallery in found if gallery is not None]
