"""The report of a run says what the run's own data say."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from builders import KEYWORDS
from run_facts import full_run_facts, run_facts

from kws_core.report.run import run_report


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


@pytest.fixture(scope="module")
def facts(spoken):
    return run_facts(spoken)


@pytest.fixture(scope="module")
def full_facts(spoken):
    return full_run_facts(spoken)


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


def test_the_champion_stands_beside_the_run(full_facts):
    page = run_report(full_facts)
    assert page == run_report(full_facts)
    tables = Tables(page).tables
    against = {row[0]: row[1:] for row in tables["against"][1:]}
    found = {f"{one.measure}, {one.test_set}": one for one in full_facts.evaluation.examination.comparison}
    assert against.keys() == found.keys()
    for name, one in found.items():
        assert against[name][0].split(" ", 1)[1] == one.verdict
    assert {"EER, in-vocabulary", "keywords accepted, test segments", "FRR, streams"} <= against.keys()
    assert page.count("<audio") == page.count("data:audio/flac") > 3
    assert page.count("data:image/png") > 0
    assert len(page) < 5_000_000


def test_every_part_of_a_full_page_is_there(full_facts):
    tables = Tables(run_report(full_facts)).tables
    parts = "against trials detection keywords streams open-set confusions few-shot groups worst-groups corpora data"
    assert set(parts.split()) <= tables.keys()
    assert {row[0] for row in tables["corpora"][1:]} == {"spoken", "read"}
    assert [row[0] for row in tables["keywords"][1:]] == list(KEYWORDS)
    fingerprints = dict(tables["fingerprints"][1:])
    assert fingerprints["bundle.json"] == full_facts.bundle.fingerprint
    assert fingerprints["encoder.onnx"] == full_facts.bundle.description.files["encoder.onnx"]
    html = run_report(full_facts)
    for id in ("confusion-matrix", "embedding-map", "false-alarms", "false-rejections", "alignment-gate-examples"):
        assert f'<section id="{id}">' in html
        assert f'href="#{id}"' in html
