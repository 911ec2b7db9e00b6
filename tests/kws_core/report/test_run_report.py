"""The report of a run says what the run's own data say."""

import math
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow as pa
import pytest
from builders import KEYWORDS, SPOKEN_SELECTION

from kws_core.config import Experiment
from kws_core.evaluation.system import evaluate_system
from kws_core.gate import Decision
from kws_core.manifest import Manifest, Part
from kws_core.part import Quarantine
from kws_core.report.evaluation import EvaluationFacts, JudgedSystem
from kws_core.report.run import RunFacts, run_report
from kws_core.schemas import WORDS


class Tables(HTMLParser):
    """Cells of every table by the id of the element around it, and all the text."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.texts, self._id, self._cell = {}, [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag in ("section", "details", "table", "h2", "figure", "div"):
            self._id = dict(attributes).get("id") or self._id
        if tag == "tr":
            self.tables.setdefault(self._id, []).append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._cell is not None:
            self.tables[self._id][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, text):
        text = text.replace("\u00a0", " ")
        self.texts.append(" ".join(text.split()))
        if self._cell is not None:
            self._cell.append(text)


def manifest(stage, *parts):
    described = [Part(f"{stage}{n}", "demo", rows, rejected, 10, "0" * 64) for n, (rows, rejected) in enumerate(parts)]
    return Manifest(stage, 1, tuple(described))


def word_rows(shift_s, aligner):
    rows = [
        {"utterance_id": "u", "index": n, "word": "go", "start_s": n + shift_s, "end_s": n + 0.5, "score": -1.0}
        for n in range(4)
    ]
    return pa.Table.from_pylist([{**row, "aligner": aligner} for row in rows], schema=WORDS)


@pytest.fixture(scope="module")
def facts(spoken):
    quarantine = Quarantine("segments")
    quarantine.add("a.wav word 1 'i'", "its label has fewer than 2 characters")
    quarantine.add("b.wav word 2 'a'", "its label has fewer than 2 characters")
    values = {"loss.scale": 20.0, "loss.margin": 0.1, "training.learning_rate": 0.001}
    trial = {"encoder": {"name": "res15"}, "values": values, "epoch": 6}
    return RunFacts(
        experiment=Experiment(name="tiny", seed=7, corpora={"demo": {"recipe": "demo"}}, selection=SPOKEN_SELECTION),
        bundle=spoken.bundle,
        stages={
            "utterances": manifest("utterances", (60, 0), (40, 0)),
            "words": manifest("words", (1500, 20)),
            "segments": manifest("segments", (800, 700)),
            "features": manifest("features", (800, 0)),
        },
        quarantine={"words": Quarantine("words").table(), "segments": quarantine.table()},
        words=word_rows(0.02, "pocketsphinx"),
        reference=word_rows(0.0, "reference"),
        selection=spoken.selection,
        evaluation=EvaluationFacts(
            JudgedSystem(
                "version 4",
                evaluate_system(
                    spoken.selection,
                    spoken.pairs,
                    spoken.embeddings,
                    spoken.fitted.backends(),
                    spoken.fitted.thresholds,
                    frozenset(),
                    KEYWORDS,
                    seed=0,
                ),
                description=spoken.bundle.description,
            )
        ),
        search={
            "trials": [
                {**trial, "development_eer": 0.0312},
                {**trial, "epoch": 2, "development_eer": 0.25},
                {**trial, "epoch": 1, "development_eer": math.nan},
            ]
        },
        training={"delivered": {"epoch": 12, "development_eer": 0.0456}, "parameters": 12345},
        model_version="4",
        decision=Decision(False, "FRR 9 % > 5 % & that is <too much>"),
    )


def row_of(table, first):
    (found,) = [row for row in table if row[0] == first]
    return found


def test_the_head_of_the_page(facts):
    html = run_report(facts)
    assert html == run_report(facts)
    text = " ".join(Tables(html).texts)
    assert "tiny version 4" in text
    assert "FRR 9 % > 5 % & that is <too much>" in text
    assert "<too much>" not in html
    for said in (
        "computer, marvin, window",
        "res15, 12,345 parameters",
        "12 epochs, development EER 4.6 %",
        "CC0-1.0",
        facts.bundle.fingerprint,
        "0" * 64,
    ):
        assert said in text
    point = facts.bundle.description.operating_point
    assert f"FAR 2.0 % a keyword on {point.non_target_segments} non-target segments of {point.speakers} dev" in text


def test_stages_splits_and_rejections(facts):
    tables = Tables(run_report(facts)).tables
    assert row_of(tables["data"], "utterances")[1:] == ["100", "100", "0", "0.0 %", "2"]
    assert row_of(tables["data"], "words")[1:] == ["1,520", "1,500", "20", "1.3 %", "1"]
    assert row_of(tables["data"], "segments")[1:4] == ["1,500", "800", "700"]
    rows = facts.selection.to_pylist()
    for split in ("train", "development", "test"):
        chosen = [row for row in rows if row["split"] == split]
        expected = [
            len(chosen),
            len({row["speaker_id"] for row in chosen}),
            len({row["label"] for row in chosen}),
            len({row["label"] for row in chosen if row["label_id"] < 0}),
            sum(row["label"] in KEYWORDS for row in chosen),
        ]
        assert row_of(tables["selection"], split)[1:] == [f"{value:,}" for value in expected]
    (rejection,) = [row for row in tables["rejections"] if row[0] == "segments"]
    assert rejection[1] == "2"
    assert "fewer than 2 characters" in rejection[2]


def test_figures_of_trials_detection_and_search(facts):
    tables = Tables(run_report(facts)).tables
    for trial in facts.evaluation.system.evaluation.trials:
        row = row_of(tables["trials"], trial.test_set)
        assert row[1].startswith(f"{100 * trial.eer:.1f} %")
        assert row[2].startswith(f"{100 * trial.frr_at_far_2:.1f} %")
    assert [row[1] for row in tables["detection"]][1:] == ["centroid", "svm", "softmax"]
    keywords = tables["keywords"][1:]
    assert [row[0] for row in keywords] == list(KEYWORDS)
    thresholds = facts.bundle.description.thresholds["centroid"]
    assert [row[1] for row in keywords] == [f"{value:.3f}" for value in thresholds]
    search = tables["search"]
    assert [row[:3] for row in search[1:]] == [
        ["trial 1", "3.1 %", "chosen"],
        ["trial 2", "25.0 %", ""],
        ["trial 3", "failed", ""],
    ]
    assert ["seed", "7"] in tables["configuration"]
    svg = run_report(facts)
    assert svg.count("<svg") == 2  # DET curves and the confusion matrix


def test_alignment_is_shown_where_true_words_are_known(facts):
    tables = Tables(run_report(facts)).tables
    (starts,) = [row for row in tables["alignment"] if row[1] == "starts"]
    assert starts[0] == "pocketsphinx"
    assert starts[2:5] == ["4", "0", "20 ms"]
    assert "alignment" not in Tables(run_report(replace(facts, reference=None))).tables


def test_a_run_without_rejections_has_no_such_table(facts):
    nothing = {stage: table.slice(0, 0) for stage, table in facts.quarantine.items()}
    assert "rejections" not in Tables(run_report(replace(facts, quarantine=nothing))).tables
