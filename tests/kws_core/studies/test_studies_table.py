import csv
import io

import numpy as np
import pytest

from kws_core.errors import ConfigError, StoreError
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.det import det_curve
from kws_core.report.study import show_figure, study_page, study_text
from kws_core.studies import NAMES, find_study
from kws_core.studies.result import CellResult
from kws_core.studies.table import StudyColumn, StudyRow, StudyTable, judge_claim, table_csv

NAN = float("nan")


def table() -> StudyTable:
    columns = (StudyColumn("frr", "FRR"), StudyColumn("change", "Change", "points"))
    rows = (
        StudyRow("softmax", "first", {"frr": Estimate(0.25, 0.2, 0.31, 40)}),
        StudyRow(
            "<margin>", "first", {"frr": Estimate(0.125, NAN, NAN, 40), "change": Estimate(-0.125, -0.2, -0.05, 40)}
        ),
        StudyRow("softmax", "second", {"frr": Estimate(NAN, NAN, NAN, 0)}),
    )
    curves = {
        "DET of first": {"softmax": det_curve(np.array([0.1, 0.4, 0.3, 0.9]), np.array([False, True, False, True]))}
    }
    claim = judge_claim("Better", "20 points", Estimate(0.1, 0.05, 0.2, 40))
    return StudyTable(columns, rows, (claim,), ("Words of the protocol.",), curves)


@pytest.mark.parametrize(
    ("low", "high", "least", "verdict"),
    [
        (0.05, 0.2, 0.0, "yes"),
        (-0.05, 0.2, 0.0, "unsure"),
        (-0.2, -0.05, 0.0, "no"),
        (-0.2, 0.0, 0.0, "no"),
        (0.0, 0.2, 0.0, "unsure"),
        (-0.02, 0.2, -0.03, "yes"),
        (-0.04, 0.2, -0.03, "unsure"),
        (NAN, NAN, 0.0, "unsure"),
    ],
)
def test_claims_are_judged_by_their_whole_interval(low, high, least, verdict):
    assert judge_claim("", "", Estimate(0.1, low, high, 9), least).reproduced == verdict


def test_the_csv_holds_every_figure_with_interval_and_count():
    read = list(csv.DictReader(io.StringIO(table_csv(table()))))
    assert [(row["method"], row["test_set"]) for row in read] == [
        ("softmax", "first"),
        ("<margin>", "first"),
        ("softmax", "second"),
    ]
    assert [float(read[0][f"frr{end}"]) for end in ("", "_low", "_high", "_count")] == [0.25, 0.2, 0.31, 40]
    assert read[0]["change"] == read[0]["change_count"] == ""
    assert read[1]["frr_low"] == ""
    assert float(read[1]["change_high"]) == -0.05
    assert (read[2]["frr"], read[2]["frr_count"]) == ("", "0")


def test_figures_as_they_are_shown():
    assert show_figure(Estimate(0.25, 0.2, 0.31, 4), "percent") == "25.0 % [20.0, 31.0]"
    assert show_figure(Estimate(-0.125, -0.2, 0.05, 4), "points") == "-12.5 points [-20.0, +5.0]"
    assert show_figure(Estimate(0.125, NAN, NAN, 4), "points") == "+12.5 points"
    assert show_figure(Estimate(NAN, NAN, NAN, 0), "points") == "none"


def test_the_page_is_self_contained_and_says_everything():
    page = study_page("A study", {"Seeds": "3"}, table(), {"seeds": 3}, "CC BY 4.0")
    assert page == study_page("A study", {"Seeds": "3"}, table(), {"seeds": 3}, "CC BY 4.0")
    for told in ("A study", "25.0 %", "&lt;margin&gt;", "reproduced", "20 points", "DET of first", "CC BY 4.0"):
        assert told in page
    assert page.count("Words of the protocol.") == 1
    assert '<td class="number">-12.5 points <small>[-20.0, -5.0]</small></td>' in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/", "")  # the namespaces of SVG


def test_the_text_has_a_block_for_each_test_set():
    text = study_text("A study", table())
    first, second = text.index("first (95 %"), text.index("second (95 %")
    lines = text[first:second].splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["Method", "softmax", "<margin>"]
    assert "Change" not in text[second:]
    assert "reproduced: Better\n  paper: 20 points; here: +10.0 points [+5.0, +20.0]" in text


def test_results_survive_the_store():
    arrays = {
        "speakers": np.array(["a", "bob"]),
        "scores x": np.array([[0.5], [1.0]], np.float32),
        "same": np.array([True]),
    }
    content = CellResult(arrays).to_bytes()
    assert content == CellResult(dict(reversed(arrays.items()))).to_bytes()
    read = CellResult.from_bytes(content, "it")
    assert set(read.arrays) == set(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        assert (read[name] == array).all()


@pytest.mark.parametrize(
    "damage", [lambda content: content[: len(content) // 2], lambda _: b"", lambda _: b"no archive"]
)
def test_damaged_results_are_named(damage):
    content = CellResult({"a": np.arange(1000)}).to_bytes()
    with pytest.raises(StoreError, match="cell 7 is damaged"):
        CellResult.from_bytes(damage(content), "cell 7")


def test_results_hold_no_objects():
    with pytest.raises(ValueError, match="allow_pickle"):
        CellResult({"a": np.array([object()])}).to_bytes()


def test_studies_are_found_by_name():
    assert find_study("huh2020").name == "huh2020"
    with pytest.raises(ConfigError, match=f"'huh2021' is unknown; {', '.join(NAMES)} are accepted"):
        find_study("huh2021")
