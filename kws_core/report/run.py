"""The report of one run: which of its facts become which table and figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kws_core.bundle import Bundle, BundleDescription
from kws_core.config import Experiment
from kws_core.evaluation.alignment import boundary_errors
from kws_core.gate import Decision
from kws_core.manifest import Manifest
from kws_core.operating_point import describe_point
from kws_core.report.alignment_gate import GateReport, gate_gallery, gate_table
from kws_core.report.corpora import CorpusSummary, corpora_table
from kws_core.report.data import Fact, ReportData, ReportTable, Verdict
from kws_core.report.evaluation import (
    EvaluationFacts,
    evaluation_figures,
    evaluation_galleries,
    evaluation_summary,
    evaluation_tables,
)
from kws_core.report.numbers import count, percent
from kws_core.report.page import render_report
from kws_core.report.tables import (
    SearchTrial,
    StageCounts,
    alignment_table,
    configuration_table,
    fingerprints_table,
    rejections_table,
    search_table,
    stages_table,
)


@dataclass(frozen=True)
class RunFacts:
    """Everything that a run knows of itself."""

    experiment: Experiment
    bundle: Bundle
    stages: Mapping[str, Manifest]
    """`utterances`, `words`, `segments`, `features`, in this order."""
    quarantine: Mapping[str, pa.Table]
    words: pa.Table
    reference: pa.Table | None
    """True words, where a recipe knows them."""
    selection: pa.Table
    evaluation: EvaluationFacts
    """Of the run's own bundle, beside the champion where there is one."""
    search: Mapping[str, Any]
    """The document of the search."""
    training: Mapping[str, Any]
    """The document of the refit."""
    model_version: str
    decision: Decision
    corpora: Sequence[CorpusSummary] = ()
    alignment_gate: GateReport | None = None
    """None where the gate is switched off."""


def run_report(facts: RunFacts) -> str:
    """The page: data, alignment, trials, detection, search and configuration of a run."""
    trials, gate = _search_trials(facts.search), facts.alignment_gate
    rejected = pa.concat_tables(list(facts.quarantine.values()))
    tables: list[ReportTable | None] = [
        *evaluation_tables(facts.evaluation),
        corpora_table(facts.corpora) if facts.corpora else None,
        stages_table(_stage_counts(facts.stages)),
        _selection_table(facts.selection),
        rejections_table(rejected) if rejected.num_rows else None,
        _alignment(facts),
        gate_table(gate.outcome) if gate is not None else None,
        search_table(trials, "Development EER") if trials else None,
        configuration_table(facts.experiment.model_dump(mode="json")),
        fingerprints_table(_fingerprints(facts)),
    ]
    galleries = evaluation_galleries(facts.evaluation)
    return render_report(
        ReportData(
            title=f"{facts.experiment.name} version {facts.model_version}",
            facts=_facts(facts),
            verdict=Verdict(facts.decision.promoted, facts.decision.reason),
            tables=tuple(table for table in tables if table is not None),
            figures=tuple(evaluation_figures(facts.evaluation)),
            summary=evaluation_summary(facts.evaluation),
            galleries=(*galleries, *((gate_gallery(gate),) if gate is not None else ())),
            remarks=facts.evaluation.system.evaluation.remarks,
        )
    )


def _facts(facts: RunFacts) -> tuple[Fact, ...]:
    description = facts.bundle.description
    last = facts.training["delivered"]
    return (
        Fact("Keywords", ", ".join(description.keywords) or "none: an encoder for words that are enrolled by example"),
        Fact("Encoder", f"{description.encoder['name']}, {count(facts.training['parameters'])} parameters"),
        Fact("Training", f"{last['epoch']} epochs, development EER {percent(last['development_eer'])}"),
        *_operating_point(description),
        Fact("Seed", str(facts.experiment.seed)),
        Fact("Licences", "; ".join(description.licences)),
        Fact("Bundle", facts.bundle.fingerprint),
    )


def _fingerprints(facts: RunFacts) -> dict[str, str]:
    """Of the bundle and its files, and of every dataset on the way to it."""
    description = facts.bundle.description
    return {
        "bundle.json": facts.bundle.fingerprint,
        **description.files,
        **{f"dataset {name}": manifest.fingerprint for name, manifest in facts.stages.items()},
        **{f"dataset {name}, of the bundle": key for name, key in description.datasets.items()},
    }


def _operating_point(description: BundleDescription) -> tuple[Fact, ...]:
    point = description.operating_point
    if point is None:
        return ()
    shortage = () if point.shortage is None else (Fact("Too little data", point.shortage),)
    return (Fact("Thresholds", describe_point(point)), *shortage)


def _stage_counts(stages: Mapping[str, Manifest]) -> list[StageCounts]:
    """Each stage reads what the one before it made, but segments are cut from words."""
    return [
        StageCounts(name, manifest.rows + manifest.rejected, manifest.rows, manifest.rejected, len(manifest.parts))
        for name, manifest in stages.items()
    ]


def _selection_table(selection: pa.Table) -> ReportTable:
    rows = []
    for split in ("train", "development", "test"):
        chosen = selection.filter(pc.equal(selection["split"], split))
        unseen = chosen.filter(pc.less(chosen["label_id"], 0))
        counts = (
            chosen.num_rows,
            pc.count_distinct(chosen["speaker_id"]).as_py(),
            pc.count_distinct(chosen["label"]).as_py(),
            pc.count_distinct(unseen["label"]).as_py(),
            pc.sum(pc.equal(chosen["role"], "target")).as_py() or 0,
        )
        rows.append((split, *(count(value) for value in counts)))
    columns = ("Split", "Segments", "Speakers", "Labels", "of them never trained", "Keyword segments")
    return ReportTable("selection", "Splits", columns, tuple(rows), "Speakers are in one split each, by a hash.")


def _alignment(facts: RunFacts) -> ReportTable | None:
    if facts.reference is None:
        return None
    known = facts.words.filter(pc.is_in(facts.words["utterance_id"], facts.reference["utterance_id"]))
    summaries = {
        name: boundary_errors(known.filter(pc.equal(known["aligner"], name)), facts.reference)
        for name in sorted(set(known["aligner"].to_pylist()))
    }
    return alignment_table(summaries)


def _search_trials(document: Mapping[str, Any]) -> list[SearchTrial]:
    return [
        SearchTrial(
            name=f"trial {number}",
            parameters={"encoder": trial["encoder"]["name"], **trial["values"]},
            epochs=trial["epoch"],
            score=trial["development_eer"],
            chosen=number == 1,
        )
        for number, trial in enumerate(document["trials"], start=1)
        if "development_eer" in trial  # values that were taken as given have no figures
    ]
