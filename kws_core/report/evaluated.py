"""The page and the text of a model that was judged by itself, apart from a run."""

from collections.abc import Mapping, Sequence

from kws_core.evaluation.system import SystemEvaluation
from kws_core.operating_point import describe_point
from kws_core.report.against import against_table
from kws_core.report.comparison import table_text
from kws_core.report.data import Fact, ReportData, ReportTable
from kws_core.report.evaluation import (
    EvaluationFacts,
    evaluation_figures,
    evaluation_galleries,
    evaluation_summary,
    evaluation_tables,
)
from kws_core.report.measures import detection_table, trials_table
from kws_core.report.page import render_report
from kws_core.report.tables import fingerprints_table


def evaluation_page(
    trials: str, facts: EvaluationFacts, fingerprints: Mapping[str, str], more: Sequence[ReportTable] = ()
) -> str:
    """One HTML page; `trials` is what they are called, `more` comes after the figures of the system."""
    return render_report(
        ReportData(
            f"{facts.system.name} on {trials}",
            _facts(facts),
            tables=(*evaluation_tables(facts), *more, fingerprints_table(fingerprints)),
            figures=tuple(evaluation_figures(facts)),
            galleries=tuple(evaluation_galleries(facts)),
            summary=evaluation_summary(facts),
            remarks=facts.system.evaluation.remarks,
        )
    )


def evaluation_text(facts: EvaluationFacts) -> str:
    """The main figures for a terminal: against the baseline where there is one."""
    if facts.baseline is not None:
        return table_text(against_table(facts.examination.comparison, facts.system.name, facts.baseline.name))
    return "\n\n".join(table_text(table) for table in _tables(facts.system.evaluation))


def _tables(evaluation: SystemEvaluation) -> list[ReportTable]:
    tables = [trials_table(evaluation.trials)]
    return [*tables, detection_table(evaluation.detection)] if evaluation.detection else tables


def _facts(facts: EvaluationFacts) -> tuple[Fact, ...]:
    description = facts.system.description
    if description is None:
        return ()
    point = description.operating_point
    return (
        Fact("Keywords", ", ".join(description.keywords) or "none: an encoder for words that are enrolled by example"),
        Fact("Encoder", str(description.encoder["name"])),
        *(() if point is None else (Fact("Thresholds", describe_point(point)),)),
        Fact("Licences", "; ".join(description.licences)),
    )
