"""Thresholds for false alarms an hour, the limits behind them, and what too few hours can show."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import LOW, event, stream

from kws_core.detector import HOP_S
from kws_core.errors import EvaluationError
from kws_core.evaluation.poisson import hourly_rate
from kws_core.evaluation.streams.sweep import detect_in_streams, sweep
from kws_core.evaluation.streams.thresholds import calibrate_false_alarms, shortage

HOUR = round(3600 / HOP_S)
FALSE_ALARMS = [(1000 * k, 0, 0.1 * k) for k in range(1, 10)]


def counted(streams, threshold):
    """False alarms of the first keyword alone."""
    alone = [stream_of(one) for one in streams]
    found = sweep(detect_in_streams(alone, ("go",), np.array([threshold]), 0.0))
    return int(found.false_alarms[0]) if found.shifts[0] < np.inf else 0


def stream_of(given):
    return type(given)(given.facts, given.scores[:, :1])


@pytest.mark.parametrize(("wish", "allowed"), [(0.5, 0), (1.0, 1), (3.0, 3), (3.9, 3), (8.0, 8)])
def test_the_least_threshold_that_holds_the_wish(wish, allowed):
    streams = [stream(HOUR, FALSE_ALARMS, kind="speech")]
    threshold = calibrate_false_alarms(streams, ("go", "stop"), wish)[0]
    scores = sorted((score for _, _, score in FALSE_ALARMS), reverse=True)
    assert threshold == np.nextafter(scores[allowed], np.inf)
    assert counted(streams, threshold) == allowed
    assert counted(streams, scores[allowed]) == allowed + 1


def test_a_wish_that_everything_fulfils_gives_the_lowest_score():
    threshold = calibrate_false_alarms([stream(HOUR, FALSE_ALARMS, kind="speech")], ("go", "stop"), 1e6)
    np.testing.assert_array_equal(threshold, [LOW, LOW])


def test_what_is_said_is_no_false_alarm_but_elsewhere_it_is():
    events = [event("go", 9000), event("stop", 8000)]
    streams = [stream(HOUR, FALSE_ALARMS, events)]
    assert calibrate_false_alarms(streams, ("go", "stop"), 0.9)[0] == np.nextafter(0.8, np.inf)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), wish=st.floats(50, 5000))
def test_no_higher_threshold_has_more_false_alarms_than_wished_for(seed, wish):
    random = np.random.default_rng(seed)
    one = stream(200, [], [event("go", 50)], keywords=1)
    one.scores[:] = random.integers(0, 9, one.scores.shape)
    (threshold,) = calibrate_false_alarms([one], ("go",), wish)
    hours = 200 * HOP_S / 3600
    for higher in [threshold, *(level + 0.5 for level in range(9) if level + 0.5 >= threshold)]:
        assert counted([one], higher) / hours <= wish * (1 + 1e-6)


def test_impossible_wishes_are_refused():
    with pytest.raises(EvaluationError, match="above 0, not -1"):
        calibrate_false_alarms([stream(100, [])], ("go", "stop"), -1)
    with pytest.raises(EvaluationError, match="no streams"):
        calibrate_false_alarms([], ("go",), 1)


def test_limits_of_rates():
    assert hourly_rate(0, 0.4).high == pytest.approx(7.489, abs=1e-3)
    assert hourly_rate(0, 0.4).sentence("false alarm") == "0 false alarms in 0.4 h: below 7.5 an hour at 95 %"
    one = hourly_rate(1, 2.0)
    assert (one.per_hour, one.low, one.high) == (
        0.5,
        pytest.approx(0.0253 / 2, abs=1e-4),
        pytest.approx(5.5716 / 2, abs=1e-4),
    )
    assert one.sentence("false alarm") == "1 false alarm in 2 h: 0.5 an hour [0.013, 2.8]"
    ten = hourly_rate(10, 1.0)
    assert (ten.low, ten.high) == (pytest.approx(4.7954, abs=1e-4), pytest.approx(18.3904, abs=1e-4))
    nothing = hourly_rate(0, 0.0)
    assert math.isnan(nothing.per_hour)
    assert nothing.sentence("false alarm") == "no false alarms were counted: nothing was heard"


def test_too_few_hours_are_said():
    assert shortage(0.5, 6.0) is None
    said = shortage(0.5, 0.3)
    assert said == (
        "0.3 h are too few for 0.5 false alarms an hour of each keyword: without any false alarm they show at most 10 "
        "an hour at 95 %, and 6 h are needed; thresholds lie just above the highest false alarm"
    )
    assert "just above" not in (shortage(2.0, 0.6) or "")
