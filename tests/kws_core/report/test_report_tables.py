from math import nan

import pyarrow as pa
import pytest

from kws_core.config import Experiment
from kws_core.errors import SchemaError
from kws_core.evaluation.alignment import AlignmentSummary
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.detection import DetectionSummary, KeywordDetection
from kws_core.evaluation.trials import TrialSummary
from kws_core.report.measures import detection_table, trials_table
from kws_core.report.numbers import count, milliseconds, percent, plain
from kws_core.report.tables import (
    SearchTrial,
    StageCounts,
    alignment_table,
    configuration_table,
    rejections_table,
    search_table,
    stages_table,
)
from kws_core.schemas import QUARANTINE

DETECTION = DetectionSummary(
    "test",
    "svm",
    speakers=12,
    total=Estimate(0.9, 0.85, 0.95, 1000),
    target=Estimate(0.8, 0.7, 0.9, 400),
    non_target=Estimate(0.96, nan, nan, 600),
    seen_non_target=Estimate(0.96, nan, nan, 600),
    unseen_non_target=Estimate(nan, nan, nan, 0),
    keywords=(KeywordDetection("yes", 400, 0.2, 7, 0.0117), KeywordDetection("no", 0, nan, 0, 0.0)),
)


def test_numbers_have_units_and_intervals():
    assert percent(0.032, 0.021, 0.044) == "3.2 % [2.1, 4.4]"
    assert percent(0.032) == "3.2 %"
    assert percent(nan) == "none"
    assert count(1234567) == "1,234,567"
    assert milliseconds(12.4) == "12 ms"
    assert [plain(v) for v in (0.00123456, True, None, ("a", 2), (), 3)] == [
        "0.001235",
        "yes",
        "none",
        "a, 2",
        "none",
        "3",
    ]


def test_trials():
    figures = {
        "eer": Estimate(0.05, 0.04, 0.061, 20000),
        "frr_at_far_2": Estimate(0.1, nan, nan, 20000),
        "frr_at_far_1": Estimate(0.2, 0.1, 0.3, 20000),
        "frr_at_far_0_1": Estimate(0.3, 0.2, 0.4, 20000),
        "auc": Estimate(0.97, 0.96, 0.98, 20000),
        "min_dcf": Estimate(0.5, nan, nan, 20000),
    }
    summary = TrialSummary("in-vocabulary", "cross", 20000, 10000, 60, 1.5, figures, ("too few speakers",))
    table = trials_table([summary])
    assert dict(zip(table.columns, table.rows[0], strict=True)) == {
        "Test set": "in-vocabulary",
        "EER": "5.0 % [4.0, 6.1]",
        "FRR at FAR 2 %": "10.0 %",
        "FRR at FAR 1 %": "20.0 % [10.0, 30.0]",
        "FRR at FAR 0.1 %": "30.0 % [20.0, 40.0]",
        "AUC": "0.970 [0.960, 0.980]",
        "Least cost": "0.500",
        "Trials": "20,000",
        "Same word": "10,000",
        "Speakers": "60",
        "Hours": "1.50",
        "Speaker policy": "cross",
    }
    assert table.remarks == ("in-vocabulary: too few speakers",)


def test_detection():
    accuracies = detection_table([DETECTION])
    assert dict(zip(accuracies.columns, accuracies.rows[0], strict=True)) == {
        "Test set": "test",
        "Back end": "svm",
        "Segments": "1,000",
        "Speakers": "12",
        "Total": "90.0 % [85.0, 95.0] n 1,000",
        "Keywords": "80.0 % [70.0, 90.0] n 400",
        "Non-targets": "96.0 % n 600",
        "Seen": "96.0 % n 600",
        "Unseen": "none",
    }


def test_alignment_has_a_line_for_each_boundary():
    table = alignment_table({"demo": AlignmentSummary(5120, 3, 14.2, 61.3, 0.13, 0.04, 21.0, 80.0, 0.2, 0.07)})
    assert table.rows == (
        ("demo", "starts", "5,120", "3", "14 ms", "61 ms", "13.0 %", "4.0 %"),
        ("demo", "ends", "5,120", "3", "21 ms", "80 ms", "20.0 %", "7.0 %"),
    )


def test_stages():
    table = stages_table([StageCounts("align", 1000, 4000, 25, 3), StageCounts("cut", 0, 0, 0, 0)])
    assert table.rows == (("align", "1,000", "4,000", "25", "2.5 %", "3"), ("cut", "0", "0", "0", "none", "0"))


def test_rejections_are_counted_by_reason_whatever_its_figures():
    rows = [("cut", "u1", "0.31 s is short"), ("cut", "u2", "0.2 s is short"), ("align", "u3", "no words")]
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    table = rejections_table(pa.table(columns, schema=QUARANTINE))
    assert table.rows == (("cut", "2", "u1: 0.31 s is short"), ("align", "1", "u3: no words"))
    with pytest.raises(SchemaError, match="quarantine"):
        rejections_table(pa.table({"stage": ["a"]}))


def test_search_puts_the_best_first_and_failures_last():
    trials = [
        SearchTrial("a", {"margin": 0.25}, 2, nan),
        SearchTrial("b", {"margin": 0.123456, "scale": 30.0}, 6, 0.2),
        SearchTrial("c", {"margin": 0.1, "scale": 30.0}, 6, 0.05, chosen=True),
    ]
    table = search_table(trials, "FRR")
    assert table.columns == ("Trial", "FRR", "Choice", "margin", "scale", "Epochs")
    assert table.rows == (
        ("c", "5.0 %", "chosen", "0.1", "30", "6"),
        ("b", "20.0 %", "", "0.1235", "30", "6"),
        ("a", "failed", "", "0.25", "none", "2"),
    )


def test_configuration_lists_every_value():
    experiment = Experiment.model_validate(
        {"name": "demo", "purpose": "enrolment", "corpora": {"a": {"recipe": "demo", "speakers": 5}}}
    )
    rows = dict(configuration_table(experiment.model_dump(mode="json")).rows)
    assert rows["name"] == "demo"
    assert rows["corpora.a.speakers"] == "5"
    assert rows["backends.svm_c"] == "1, 10"
    assert rows["search.encoders.0.name"] == "bc_resnet_1"
    assert rows["search.space.loss.margin.high"] == "0.35"
