"""Every answer of the gate, and its margins to the last digit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.config import GateConfig
from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.group_losses import group_losses
from kws_core.evaluation.poisson import hourly_rate
from kws_core.evaluation.rate_ratio import rate_ratio
from kws_core.evaluation.system_comparison import FigureComparison
from kws_core.gate import (
    PRIMARY,
    PRIMARY_OF_ENROLMENT,
    Evidence,
    check_against_champion,
    check_minima,
    decide,
)

GATE = GateConfig(max_frr=0.4, min_target_accuracy=0.6, min_non_target_accuracy=0.7, frr_margin=0.02)
TARGET, NON_TARGET = "centroid.target_accuracy", "centroid.non_target_accuracy"
GOOD = {PRIMARY: 0.30, TARGET: 0.90, NON_TARGET: 0.95}
NAN = float("nan")
FRR = "FRR at FAR 2 % on in-vocabulary trials"


def minima(figures, backend="centroid"):
    return decide(check_minima(figures, backend, GATE))


@pytest.mark.parametrize(
    ("changed", "promoted", "reason"),
    [
        ({}, True, f"{FRR} 30.0 %; at most 40 % pass"),
        ({PRIMARY: 0.4}, True, FRR),
        ({PRIMARY: 0.4001}, False, f"{FRR} 40.0 %; at most 40 % pass"),
        ({TARGET: 0.6}, True, FRR),
        ({TARGET: 0.5999}, False, "centroid target accuracy 60.0 %; at least 60 % pass"),
        ({NON_TARGET: 0.7}, True, FRR),
        ({NON_TARGET: 0.6}, False, "centroid non-target accuracy 60.0 %; at least 70 % pass"),
        ({PRIMARY: 1.0, TARGET: 0.0}, False, FRR),
    ],
)
def test_every_version_must_reach_the_minima(changed, promoted, reason):
    decision = minima(GOOD | changed)
    assert (decision.promoted, decision.reason.startswith(reason)) == (promoted, True)
    assert decision.decided_by in decision.reason
    assert len(decision.checks) == 3


def test_the_back_end_that_decides_is_the_one_judged():
    both = GOOD | {"svm.target_accuracy": 0.9, "svm.non_target_accuracy": 0.1}
    assert minima(both).promoted
    assert minima(both, "svm").decided_by == "svm non-target accuracy"


@pytest.mark.parametrize("missing", [PRIMARY, TARGET, NON_TARGET])
def test_a_figure_that_was_not_measured_is_an_error(missing):
    partial = {name: value for name, value in GOOD.items() if name != missing}
    for figures in (partial, partial | {missing: NAN}):
        with pytest.raises(EvaluationError, match=f"the gate needs {missing}, which"):
            minima(figures)


def test_an_encoder_without_keywords_is_judged_by_words_it_was_not_trained_on():
    decision = minima({PRIMARY_OF_ENROLMENT: 0.4, PRIMARY: 1.0}, None)
    assert decision.promoted
    assert decision.reason == "FRR at FAR 2 % on out-of-vocabulary trials 40.0 %; at most 40 % pass"
    assert len(decision.checks) == 1


def compared(test_set, measure, ours, theirs, half_width=NAN, larger_is_better=False):
    difference = ours - theirs
    return FigureComparison(
        test_set,
        measure,
        Estimate(ours, NAN, NAN, 100),
        Estimate(theirs, NAN, NAN, 100),
        Estimate(difference, difference - half_width, difference + half_width, 100),
        larger_is_better,
    )


def against(frr=(0.30, 0.30, 0.0), accuracies=None, keywords=(), speakers=(), counts=None, gate=GATE):
    named = {"keywords accepted": (0.9, 0.9), "non-targets rejected": (0.95, 0.95)} | (accuracies or {})
    evidence = Evidence(
        compared("in-vocabulary", "FRR at FAR 2 %", *frr),
        tuple(compared("test segments", name, *values) for name, values in named.items() if values),
        keywords,
        speakers,
        counts and tuple(hourly_rate(*count) for count in counts),
    )
    return decide(check_against_champion(evidence, gate))


@pytest.mark.parametrize(
    ("frr", "promoted"),
    [
        ((0.30, 0.30, 0.0), True),
        ((0.10, 0.30, 0.05), True),
        ((0.32, 0.30, NAN), True),  # without an interval the difference itself counts
        ((0.3201, 0.30, NAN), False),
        ((0.30, 0.30, 0.02), True),
        ((0.30, 0.30, 0.021), False),  # it may be worse by more than the margin
        ((0.28, 0.30, 0.05), False),
        ((NAN, 0.30, NAN), False),
    ],
)
def test_the_primary_figure_must_be_shown_to_be_no_worse(frr, promoted):
    decision = against(frr)
    assert (decision.promoted, decision.decided_by) == (promoted, FRR)
    assert "against the champion's 30.0 %" in decision.reason


@pytest.mark.parametrize(
    ("name", "values", "promoted"),
    [
        ("keywords accepted", (0.89, 0.90), True),
        ("keywords accepted", (0.8899, 0.90), False),
        ("keywords accepted", (0.85, 0.90, 0.06), True),  # chance explains it
        ("keywords accepted", (0.85, 0.90, 0.04), False),
        ("keywords accepted", (0.895, 0.90, 0.001), True),  # shown, but within the margin
        ("non-targets rejected", (0.90, 0.95, 0.01), False),
        ("unseen non-targets rejected", (0.90, 0.95, 0.01), False),
        ("unseen non-targets rejected", None, True),
    ],
)
def test_an_accuracy_fails_when_its_loss_exceeds_the_margin_and_is_shown(name, values, promoted):
    decision = against(accuracies={name: values})
    assert decision.promoted is promoted
    verdicts = {check.figure: check.verdict for check in decision.checks}
    assert verdicts["unseen non-target accuracy"] == (
        "not measured" if "unseen" not in name or values is None else "passed" if promoted else "failed"
    )


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        (None, "not measured"),
        (((0, 0.0), (0, 0.0)), "not measured"),
        (((0, 0.4), (0, 0.4)), "passed"),
        (((3, 0.4), (0, 0.4)), "passed"),  # 7.5 an hour more, and chance explains it
        (((6, 0.4), (0, 0.4)), "failed"),
        (((60, 100.0), (30, 100.0)), "passed"),  # shown, but within the margin
        (((120, 100.0), (60, 100.0)), "failed"),
        (((1, 0.4), (9, 0.4)), "passed"),
    ],
)
def test_false_alarms_fail_when_there_are_more_beyond_chance(counts, verdict):
    decision = against(counts=counts)
    (check,) = (check for check in decision.checks if check.figure == "false alarms")
    assert (check.verdict, decision.promoted) == (verdict, verdict != "failed")


def grouped(sizes):
    """Rows of groups by (rows, lost, gained)."""
    groups = np.repeat(list(sizes), [rows for rows, _, _ in sizes.values()])
    ours, theirs = [], []
    for rows, lost, gained in sizes.values():
        ours += [False] * lost + [True] * (rows - lost)
        theirs += [True] * lost + [False] * gained + [True] * (rows - lost - gained)
    return group_losses(groups, np.array(ours), np.array(theirs))


@pytest.mark.parametrize(
    ("losses", "promoted"),
    [
        ({"go": (10, 10, 0), "stop": (10, 0, 0)}, False),
        ({"go": (10, 3, 0), "stop": (10, 0, 0)}, True),  # three of ten: chance
        ({"go": (400, 40, 0)}, True),  # beyond chance, and just within the limit
        ({"go": (400, 41, 0)}, False),
        ({"go": (10, 7, 0)}, False),
        # of so many one always looks bad
        ({"go": (10, 7, 0), **{f"word {n}": (10, 0, 0) for n in range(9)}}, True),
    ],
)
def test_a_keyword_fails_when_it_lost_more_than_its_limit_and_chance_does_not_explain_it(losses, promoted):
    decision = against(keywords=grouped(losses))
    assert decision.promoted is promoted
    assert promoted or decision.decided_by.startswith("accuracy of keyword go, the largest loss of")


def test_a_speaker_fails_by_a_limit_of_its_own():
    losses = grouped({"anna": (100, 15, 0), "ben": (100, 0, 3)})
    assert against(speakers=losses).promoted
    assert not against(keywords=losses).promoted
    strict = GATE.model_copy(update={"speaker_margin": 0.1})
    assert against(speakers=losses, gate=strict).decided_by == "accuracy of speaker anna, the largest loss of 2"


def test_losses_are_counted_row_by_row():
    go, stop = grouped({"stop": (4, 0, 2), "go": (10, 3, 1)})
    assert (go.group, go.rows, go.lost, go.gained, go.loss) == ("go", 10, 3, 1, 0.2)
    assert go.chance == pytest.approx(5 / 16)  # 3 or 4 heads of 4
    assert (stop.loss, stop.chance) == (-0.5, 1.0)
    assert group_losses(np.array(["", "a"]), np.array([True, True]), np.array([True, True]))[0].group == "a"


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_the_limits_of_a_ratio_hold_it_and_mirror_each_other(ours, theirs):
    low, high = rate_ratio(ours, theirs)
    back_low, back_high = rate_ratio(theirs, ours)
    assert low <= (ours / theirs if theirs else math.inf if ours else 0) <= high
    assert low == pytest.approx(1 / back_high if back_high else math.inf)
    assert high == pytest.approx(1 / back_low if back_low else math.inf)


def test_a_ratio_of_counts_is_exact():
    # 6 against 0: the share is at least 0.025 ** (1 / 6)
    share = 0.025 ** (1 / 6)
    assert rate_ratio(6, 0) == (pytest.approx(share / (1 - share)), math.inf)
