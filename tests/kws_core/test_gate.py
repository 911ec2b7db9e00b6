"""Every answer of the gate, and its margins to the last digit."""

import pytest

from kws_core.config import GateConfig
from kws_core.errors import EvaluationError
from kws_core.gate import PRIMARY, PRIMARY_OF_ENROLMENT, decide_promotion

GATE = GateConfig(
    max_frr=0.4, min_target_accuracy=0.6, min_non_target_accuracy=0.7, frr_margin=0.02, accuracy_margin=0.01
)
TARGET, NON_TARGET = "centroid.target_accuracy", "centroid.non_target_accuracy"
CHAMPION = {PRIMARY: 0.30, TARGET: 0.90, NON_TARGET: 0.95}


def decide(challenger, champion=CHAMPION, gate=GATE, backend="centroid"):
    return decide_promotion(challenger, champion, backend, gate)


@pytest.mark.parametrize(
    ("changed", "promoted", "reason"),
    [
        ({}, True, "there was no champion, and FRR at FAR 2 % on in-vocabulary trials 30.00% is within 40%"),
        ({PRIMARY: 0.4}, True, "40.00% is within 40%"),
        ({PRIMARY: 0.4001}, False, "in-vocabulary trials 40.01%; without a champion at most 40% pass"),
        ({TARGET: 0.6}, True, "there was no champion"),
        ({TARGET: 0.5999}, False, "centroid target accuracy 59.99%; without a champion at least 60% pass"),
        ({NON_TARGET: 0.7}, True, "there was no champion"),
        ({NON_TARGET: 0.6999}, False, "centroid non target accuracy 69.99%; without a champion at least 70% pass"),
        ({PRIMARY: 1.0, TARGET: 0.0}, False, "FRR at FAR 2 %"),
    ],
)
def test_without_a_champion_the_limits_are_absolute(changed, promoted, reason):
    decision = decide(CHAMPION | changed, None)
    assert decision.promoted is promoted
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("changed", "promoted", "reason"),
    [
        ({}, True, "30.00% against the champion's 30.00%, and neither accuracy is worse by more than 1.00%"),
        ({PRIMARY: 0.1}, True, "10.00% against the champion's 30.00%"),
        ({PRIMARY: 0.32}, True, "32.00% against the champion's 30.00%"),
        ({PRIMARY: 0.3201}, False, "32.01% is worse than the champion's 30.00% by 2.01%, 2.00% is allowed"),
        ({TARGET: 0.89}, True, "against the champion's"),
        ({TARGET: 0.8899}, False, "centroid target accuracy 88.99% is worse than the champion's 90.00% by 1.01%"),
        ({NON_TARGET: 0.94}, True, "against the champion's"),
        ({NON_TARGET: 0.9399}, False, "non target accuracy 93.99% is worse than the champion's 95.00% by 1.01%"),
        ({TARGET: 1.0, NON_TARGET: 0.1}, False, "centroid non target accuracy 10.00%"),
    ],
)
def test_against_a_champion_margins_are_exact(changed, promoted, reason):
    decision = decide(CHAMPION | changed)
    assert decision.promoted is promoted
    assert reason in decision.reason


@pytest.mark.parametrize("hundredths", range(1, 100))
def test_a_difference_of_exactly_the_margin_passes_whatever_its_rounding(hundredths):
    value = hundredths / 100
    champion = CHAMPION | {TARGET: value, PRIMARY: value - 0.01}
    gate = GATE.model_copy(update={"frr_margin": 0.01})
    challenger = champion | {TARGET: (hundredths - 1) / 100, PRIMARY: value}
    assert decide(challenger, champion, gate).promoted
    assert not decide(challenger | {TARGET: (hundredths - 1.01) / 100}, champion, gate).promoted
    assert not decide(challenger | {PRIMARY: value + 0.0001}, champion, gate).promoted


def test_absolute_limits_do_not_bind_a_challenger_of_a_bad_champion():
    champion = {PRIMARY: 0.9, TARGET: 0.1, NON_TARGET: 0.1}
    assert decide(champion, champion).promoted
    assert not decide(champion, None).promoted


def test_the_back_end_that_decides_is_the_one_judged():
    svm = {"svm.target_accuracy": 0.9, "svm.non_target_accuracy": 0.1}
    both = CHAMPION | svm
    assert decide(both, None).promoted
    decision = decide(both, None, backend="svm")
    assert not decision.promoted
    assert "svm non target accuracy 10.00%" in decision.reason


@pytest.mark.parametrize("missing", [PRIMARY, TARGET, NON_TARGET])
@pytest.mark.parametrize("whose", ["challenger", "champion", "challenger alone"])
def test_a_figure_that_was_not_measured_is_an_error(missing, whose):
    partial = {name: value for name, value in CHAMPION.items() if name != missing}
    for figures in (partial, partial | {missing: float("nan")}):
        arguments = {"challenger": (figures, CHAMPION), "champion": (CHAMPION, figures)}.get(whose, (figures, None))
        with pytest.raises(EvaluationError, match=f"the gate needs {missing}, which"):
            decide(*arguments)


@pytest.mark.parametrize(
    ("challenger", "champion", "promoted", "reason"),
    [
        (0.40, None, True, "FRR at FAR 2 % on out-of-vocabulary trials 40.00% is within 40%"),
        (0.41, None, False, "without a champion at most 40% pass"),
        (0.32, 0.30, True, "32.00% against the champion's 30.00%"),
        (0.33, 0.30, False, "33.00% is worse than the champion's 30.00% by 3.00%, 2.00% is allowed"),
    ],
)
def test_an_encoder_without_keywords_is_judged_by_words_it_was_not_trained_on(challenger, champion, promoted, reason):
    served = None if champion is None else {PRIMARY_OF_ENROLMENT: champion, PRIMARY: 0.0}
    decision = decide({PRIMARY_OF_ENROLMENT: challenger, PRIMARY: 1.0}, served, backend=None)
    assert decision.promoted is promoted
    assert reason in decision.reason
    assert "accuracy" not in decision.reason


@pytest.mark.parametrize(("target", "promoted"), [(0.89, True), (0.88, False)])
def test_each_system_is_judged_by_the_back_end_that_it_decides_with(target, promoted):
    challenger = {PRIMARY: 0.3, "softmax.target_accuracy": target, "softmax.non_target_accuracy": 0.95, TARGET: 0.0}
    decision = decide_promotion(challenger, CHAMPION, "softmax", GATE, "centroid")
    assert decision.promoted is promoted
    assert promoted or "softmax target accuracy 88.00% is worse than the champion's 90.00%" in decision.reason
