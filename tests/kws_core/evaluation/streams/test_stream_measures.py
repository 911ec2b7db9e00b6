"""Measures of streams with known answers, and against counting by hand at every threshold."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import event, stream

from kws_core.backends.thresholds import decide
from kws_core.detector import HOP_S, REFRACTORY_S
from kws_core.errors import EvaluationError
from kws_core.evaluation.streams.curve import STORED_POINTS, CurvePoint, curve, frr_at, stored
from kws_core.evaluation.streams.measures import StreamEvaluation, evaluate_streams
from kws_core.evaluation.streams.sweep import TOLERANCE_S, detect_in_streams, sweep

KEYWORDS = ("go", "stop")
ZERO = np.zeros(2)
HOUR = round(3600 / HOP_S)


@pytest.fixture(scope="module")
def measured():
    """Two hours: one of noise with 3 false alarms, one with 8 events of which 6 are heard and 2 false alarms."""
    events = [
        event("go", 1000, "s1", 20.0),
        event("stop", 2000, "s1", 20.0),
        event("go", 3000, "s2", 20.0),
        event("stop", 4000, "s2", 20.0),
        event("go", 5000, "s1", 0.0),
        event("stop", 6000, "s1", 0.0),
        event("go", 7000, "s2", 0.0),
        event("stop", 8000, "s2", 0.0),
    ]
    heard = [(1000, 0, 0.9), (2000, 1, 0.8), (3000, 0, 0.7), (4000, 1, 0.6), (5000, 0, 0.5), (6000, 1, 0.4)]
    # "go" is heard where "stop" is said, and a second time where it was heard before; the last event is too quiet
    wrong = [(8000, 0, 0.35), (1008, 0, 0.3), (8003, 1, -0.5)]
    noise = [(100, 0, 0.65), (20_000, 0, 0.25), (40_000, 1, 0.15)]
    streams = [
        stream(HOUR, noise, kind="noise", name="noise"),
        stream(HOUR, [*heard, *wrong], events),
    ]
    return evaluate_streams(streams, KEYWORDS, ZERO, seed=0)


def test_misses_and_false_alarms_at_the_thresholds(measured):
    assert (measured.frr.value, measured.frr.count) == (0.25, 8)
    assert [(level.snr_db, level.frr.value) for level in measured.levels] == [(20, 0), (0, 0.5)]
    assert measured.speakers == 2
    assert measured.frr.low == pytest.approx(0.0)  # s1 misses none, s2 half
    assert measured.frr.high == pytest.approx(0.5)
    assert (measured.false_alarms.count, measured.false_alarms.hours) == (5, 2)
    assert measured.false_alarms.per_hour == 2.5
    # exact Poisson limits of 5 events: 1.623 to 11.668
    assert measured.false_alarms.low == pytest.approx(1.623 / 2, abs=5e-4)
    assert measured.false_alarms.high == pytest.approx(11.668 / 2, abs=5e-4)
    kinds = [(own.kind, own.false_alarms.count, own.false_alarms.hours) for own in measured.kinds]
    assert kinds == [("noise", 3, 1), ("keywords in speech", 2, 1)]
    by_keyword = {own.keyword: (own.frr.value, own.false_alarms.count) for own in measured.keywords}
    assert by_keyword == {"go": (0.25, 4), "stop": (0.25, 1)}


def test_latency_is_from_the_end_of_the_word_to_the_end_of_the_first_window_that_decided(measured):
    # the smoothed score of window w has heard up to w hops and half a second; the word ends 0.2 s after its middle
    assert measured.latency.hits == 6
    assert measured.latency.median_s == pytest.approx(0.04 + 0.5 - 0.2)
    assert measured.latency.p90_s == pytest.approx(0.34)
    early = [stream(100, [(38, 0, 0.1), (40, 0, 0.3)], [event("go", 40)])]
    latency = evaluate_streams(early, KEYWORDS, ZERO, seed=0).latency
    assert latency.median_s == pytest.approx(0.34 - 2 * HOP_S)


def test_the_curve_and_what_is_read_from_it(measured):
    # thresholds at which one more is heard, from the top: 0.9 0.8 0.7 hits, 0.65 false, 0.6 0.5 0.4 hits, ...
    found = {(point.false_alarms_per_hour, point.frr) for point in measured.curve}
    assert {(0.0, 5 / 8), (0.5, 2 / 8)} <= found
    assert measured.frr_at(0.0) == 5 / 8
    assert measured.frr_at(0.49) == 5 / 8
    assert measured.frr_at(0.5) == 0.25
    # six hits are all: at -0.5 "stop" is heard in the last event, but "go" has the greater margin before
    assert measured.frr_at(1000) == 1 / 8
    assert measured.metrics() == {
        "streams.hours": 2.0,
        "streams.false_alarms_per_hour": 2.5,
        "streams.frr": 0.25,
        "streams.frr_at_1_false_alarm_per_hour": 0.25,
        "streams.latency_median_s": pytest.approx(0.34),
    }


def test_gaussian_scores_have_the_rates_of_their_distribution():
    """2,000 keywords and 4,000 other peaks: FRR and false alarms as their distributions say, to the third digit."""
    from statistics import NormalDist

    keyword, other = NormalDist(1.0, 1.0), NormalDist(-1.0, 1.0)
    places = 20 * np.arange(1, 6001)
    own, rest = places[::3], np.delete(places, slice(None, None, 3))
    # quantiles in place of draws: the answer is exact but for one count
    peaks = [(int(w), 0, keyword.inv_cdf((k + 0.5) / 2000)) for k, w in enumerate(own)]
    peaks += [(int(w), 0, other.inv_cdf((k + 0.5) / 4000)) for k, w in enumerate(rest)]
    windows = 20 * 6002
    planted = stream(windows, peaks, [event("go", int(w)) for w in own], keywords=1)
    hours = windows * HOP_S / 3600
    for threshold in (-1.0, 0.0, 0.7):
        found = evaluate_streams([planted], ("go",), np.array([threshold]), seed=0, replicates=10)
        assert found.frr.value == pytest.approx(keyword.cdf(threshold), abs=5e-4)
        rate = 4000 * (1 - other.cdf(threshold)) / hours
        assert found.false_alarms.per_hour == pytest.approx(rate, rel=1e-3, abs=1 / hours)
        assert found.frr_at(found.false_alarms.per_hour) == pytest.approx(found.frr.value, abs=4e-3)


def test_without_events_or_with_silence_nothing_is_claimed():
    found = evaluate_streams([stream(1000, [], kind="noise")], KEYWORDS, ZERO, seed=0)
    assert math.isnan(found.frr.value)
    assert found.curve == ()
    assert "streams.frr" not in found.metrics()
    assert found.false_alarms.sentence("false alarm") == "0 false alarms in 0.022 h: below 135 an hour at 95 %"
    with pytest.raises(EvaluationError, match="there are no streams"):
        evaluate_streams([], KEYWORDS, ZERO, seed=0)
    with pytest.raises(EvaluationError, match="NaN"):
        evaluate_streams([stream(10, [(3, 0, np.nan)])], KEYWORDS, ZERO, seed=0)


def test_a_keyword_that_the_spotter_does_not_know_is_missed():
    found = evaluate_streams([stream(100, [(40, 0, 1.0)], [event("left", 40)])], KEYWORDS, ZERO, seed=0)
    assert found.frr.value == 1
    assert found.false_alarms.count == 1


def test_json_round_trip(measured):
    text = json.dumps(measured.to_json(), sort_keys=True)
    assert repr(StreamEvaluation.from_json(json.loads(text))) == repr(measured)


def by_hand(streams, thresholds):
    """Hits and false alarms, window by window and event by event."""
    hits = false_alarms = 0
    for planted in streams:
        detections, latest = [], {}
        for window, keyword in enumerate(decide(planted.scores, thresholds).tolist()):
            if keyword < 0:
                continue
            last, place = latest.get(keyword, (0, -1))
            if place < 0 or (window - last) * HOP_S >= REFRACTORY_S:
                place = len(detections)
                detections.append([window, keyword])
            elif planted.scores[window, keyword] > planted.scores[detections[place][0], keyword]:
                detections[place][0] = window
            latest[keyword] = (window, place)
        heard = set()
        for window, keyword in detections:
            time_s = max(window - 0.5, 0) * HOP_S
            for number, own in enumerate(planted.facts.events):
                inside = own.start_s - TOLERANCE_S <= time_s <= own.end_s + TOLERANCE_S
                if inside and own.keyword == KEYWORDS[keyword] and number not in heard:
                    heard.add(number)
                    break
            else:
                false_alarms += 1
        hits += len(heard)
    return hits, false_alarms


@st.composite
def random_streams(draw):
    found = []
    for number in range(draw(st.integers(1, 2))):
        windows = draw(st.integers(30, 90))
        seed = draw(st.integers(0, 10_000))
        random = np.random.default_rng(seed)
        places = range(15, windows - 10, 30)
        events = [event(KEYWORDS[int(random.integers(2))], place) for place in places]
        scores = stream(windows, [], events, name=str(number))
        scores.scores[:] = random.integers(-6, 7, scores.scores.shape)
        found.append(scores)
    return found


@settings(max_examples=40, deadline=None)
@given(streams=random_streams())
def test_hits_and_false_alarms_at_all_thresholds_are_those_counted_by_hand(streams):
    thresholds = np.array([0.0, 1.0])
    counted = sweep(detect_in_streams(streams, KEYWORDS, thresholds, -np.inf))
    for shift in np.arange(-8.0, 8.0):
        place = int(np.searchsorted(counted.shifts, shift))  # counts of (before, shift]
        found = int(counted.hits[place]), int(counted.false_alarms[place])
        assert found == by_hand(streams, thresholds + shift)
    assert (counted.hits[-1], counted.false_alarms[-1]) == (0, 0)


@settings(max_examples=40, deadline=None)
@given(streams=random_streams(), limit=st.floats(0, 2e5))
def test_the_curve_is_monotone_and_never_better_than_a_threshold(streams, limit):
    counted = sweep(detect_in_streams(streams, KEYWORDS, ZERO, -np.inf))
    events = sum(len(planted.facts.events) for planted in streams)
    points = curve(counted, events, 0.5)
    rates, misses = [point.false_alarms_per_hour for point in points], [point.frr for point in points]
    assert sorted(rates, reverse=True) == rates
    assert sorted(misses) == misses
    assert len(set(rates)) == len(rates)
    assert points[-1].false_alarms_per_hour == 0
    for point in points:
        shift = min(point.shift, 100.0)
        hits, false_alarms = by_hand(streams, ZERO + shift)
        assert 1 - hits / events == pytest.approx(point.frr)
        assert false_alarms / 0.5 <= point.false_alarms_per_hour
    # any threshold from which on upwards the limit holds is no better than what is read from the curve
    most = counted.most_false_alarms() / 0.5
    allowed = counted.hits[most <= limit]
    assert frr_at(points, limit) == pytest.approx(1 - allowed.max() / events)


def test_a_long_curve_keeps_its_ends():
    points = tuple(CurvePoint(float(k), 5000.0 - k, k / 5000) for k in range(5001))
    kept = stored(points)
    assert len(kept) == STORED_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
