"""The alignment gate: thresholds by median and MAD, what they reject and why."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.alignment_gate import (
    GATE_COLUMNS,
    MEASURES,
    choose_examples,
    judge_alignments,
    read_examples,
    read_measures,
)
from kws_core.alignment_gate.gate import utterance_medians
from kws_core.alignment_gate.thresholds import MAD_TO_DEVIATION, threshold
from kws_core.audio import decode_flac
from kws_core.config import AlignmentGateConfig
from kws_core.manifest import Manifest
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import QUARANTINE, SEGMENTS, check_schema
from kws_core.segments import BACKGROUND
from kws_core.store import Store

BY_NAME = {measure.name: measure for measure in MEASURES}
OFF: dict[str, Any] = {measure.name: {} for measure in MEASURES}


def only(**measures: dict[str, float]) -> AlignmentGateConfig:
    """A gate of these measures alone, that believes 20 words and 5 utterances."""
    return AlignmentGateConfig.model_validate({**OFF, **measures, "min_words": 20, "min_utterances": 5})


def segments(rows: list[dict[str, Any]]) -> pa.Table:
    """Segments that have what a test gives them; five words an utterance unless told."""
    usual = {"corpus": "a", "label": "word", "speaker_id": "s", "split": "", "licence": "x", "start_s": 0.0}
    measures = dict.fromkeys(BY_NAME, math.nan)
    full = [
        {
            **usual,
            **measures,
            "end_s": 0.5,
            "word_start_s": 0.1,
            "word_end_s": 0.4,
            "audio": np.full(800, number, "<i2").tobytes(),
            "segment_id": f"i{number}",
            "utterance_id": f"u{number // 5}",
            "source": f"f{number // 5}.wav",
            **row,
        }
        for number, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, schema=SEGMENTS)


def scores(count: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(-1, 0.2, count).tolist()


def test_the_limit_lies_robust_deviations_from_the_median():
    values = np.array([*range(1, 100), math.nan])
    found, excess = threshold("a", BY_NAME["score"], "word", values, (2.0, None), 10)
    assert (found.median, found.judged, found.unused) == (50, 99, "")
    assert found.low == pytest.approx(50 - 2 * MAD_TO_DEVIATION * 25)
    assert found.high == math.inf
    assert excess[49] == pytest.approx(-1)  # at the median
    assert excess[-1] == -math.inf
    found, excess = threshold("a", BY_NAME["score"], "word", values, (1.0, 0.5), 10)
    assert found.high == pytest.approx(50 + 0.5 * MAD_TO_DEVIATION * 25)
    assert ((excess > 0) == ((values < found.low) | (values > found.high))).all()
    assert found.rejected == (excess > 0).sum() > 0


def test_rates_are_compared_by_their_ratio():
    rates = np.array([10.0] * 10 + [9.0] * 20 + [11.0] * 20 + [1.0, 100.0])
    found, excess = threshold("a", BY_NAME["speaking_rate"], "word", rates, (3.0, 3.0), 10)
    assert math.log(found.high / 10) == pytest.approx(math.log(10 / found.low))
    assert np.flatnonzero(excess > 0).tolist() == [50, 51]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1.0] * 9, "9 words, 10 are needed"),
        ([1.0] * 8 + [5.0, 7.0, 9.0], "more than half of the words have the same value"),
        ([math.nan] * 50, "no word has it"),
    ],
)
def test_statistics_that_are_not_believed_reject_nothing(values, reason):
    found, excess = threshold("a", BY_NAME["score"], "word", np.array(values), (1.0, 1.0), 10)
    assert (found.unused, found.rejected, found.low, found.high) == (reason, 0, -math.inf, math.inf)
    assert not (excess > 0).any()


@given(
    st.lists(st.floats(-50, 50), min_size=20, max_size=80),
    st.integers(0, 9),
    st.floats(0.5, 6),
    st.floats(0.1, 5),
)
@settings(max_examples=150, deadline=None)
def test_outliers_fewer_than_half_do_not_move_the_limit_past_the_rest(values, outliers, factor, spread):
    right = np.array(values) * spread
    spoilt = np.concatenate([right, np.full(outliers, -1e6)])
    found, excess = threshold("a", BY_NAME["score"], "word", spoilt, (factor, None), 10)
    assert right.min() <= found.median <= right.max()
    if not found.unused:
        assert found.low >= right.min() - factor * MAD_TO_DEVIATION * np.ptp(right) - 1e-6
        assert (excess[len(right) :] > 0).all()
        assert found.rejected == (spoilt < found.low).sum()


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(-5, 5) | st.just(math.nan)), max_size=60), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_medians_of_utterances(words, least):
    codes = np.array([code for code, _ in words], np.int64)
    values = np.array([value for _, value in words], np.float64)
    medians = utterance_medians(values, codes, 7, least)
    for code in range(7):
        own = values[(codes == code) & ~np.isnan(values)]
        expected = np.median(own) if len(own) >= least else math.nan
        assert medians[code] == pytest.approx(expected, nan_ok=True)


def test_bad_words_are_rejected_with_the_reason():
    rows = [{"score": score} for score in scores(100)]
    rows[7]["score"] = -4.0
    outcome = judge_alignments(segments(rows).select(GATE_COLUMNS), only(score={"word_low": 4}))
    assert np.flatnonzero(outcome.rejected).tolist() == [7]
    (found,) = outcome.thresholds
    assert (found.rejected, found.judged, outcome.values[7]) == (1, 100, -4.0)
    (row,) = outcome.quarantine().to_pylist()
    check_schema(outcome.quarantine(), QUARANTINE, "quarantine")
    assert row == {
        "stage": "alignment gate",
        "source": "f1.wav segment i7 'word'",
        "reason": f"its alignment score -4 is below {found.low:.3g}, the limit of its corpus",
    }


def test_an_utterance_with_a_wrong_transcript_goes_whole_with_its_background():
    rows = [{"score": score} for score in scores(200)]
    for row, score in zip(rows[50:55], (-1.9, -2.0, -1.0, -1.9, -1.95), strict=True):
        row["score"] = score  # none of them is an outlier among words
    rows.append({"label": BACKGROUND, "utterance_id": "u10"})
    config = only(score={"word_low": 8, "utterance_low": 4})
    outcome = judge_alignments(segments(rows).select(GATE_COLUMNS), config)
    assert np.flatnonzero(outcome.rejected).tolist() == [50, 51, 52, 53, 54, 200]
    limits = {found.level: found for found in outcome.thresholds}
    assert (limits["utterance"].judged, limits["word"].judged) == (40, 200)
    assert outcome.reason(52).startswith("its utterance's median alignment score -1.9 is below -1.")
    few = config.model_copy(update={"min_utterance_words": 6})
    assert not judge_alignments(segments(rows).select(GATE_COLUMNS), few).rejected.any()
    words_of_utterances = [outcome.judged_values(number) for number in range(2)]
    assert [len(values) for values in words_of_utterances] == [40, 200]


def test_each_corpus_has_its_own_limits():
    clean = [{"score": score, "corpus": "clean"} for score in scores(60)]
    noisy = [{"score": 8 * score, "corpus": "noisy", "utterance_id": f"n{n}"} for n, score in enumerate(scores(60, 1))]
    small = [{"score": score, "corpus": "small", "utterance_id": f"m{n}"} for n, score in enumerate(scores(19, 2))]
    rows = [*clean, *noisy, *small]
    rows[3]["score"], rows[-1]["score"] = -8.0, -99.0
    outcome = judge_alignments(segments(rows).select(GATE_COLUMNS), only(score={"word_low": 5}))
    assert np.flatnonzero(outcome.rejected).tolist() == [3]
    assert {found.corpus: found.unused for found in outcome.thresholds} == {
        "clean": "",
        "noisy": "",
        "small": "19 words, 20 are needed",
    }


@pytest.mark.parametrize(
    ("measure", "usual", "bad", "limits"),
    [
        ("score", -1.0, -9.0, {"word_low": 4}),
        ("phone_duration_deviation", 1.0, 9.0, {"word_high": 4}),
        ("disagreement_s", 0.02, 0.9, {"word_high": 4}),
        ("speaking_rate", 12.0, 90.0, {"word_high": 4}),
        ("speaking_rate", 12.0, 1.0, {"word_low": 4}),
        ("rms", 0.05, 0.0001, {"word_low": 4}),
        ("boundary_silence_db", -20.0, 9.0, {"word_high": 4}),
    ],
)
def test_every_measure_alone_finds_its_outlier_and_can_be_switched_off(measure, usual, bad, limits):
    random = np.random.default_rng(0)
    rows = [{measure: usual * float(1 + 0.1 * random.uniform(-1, 1))} for _ in range(60)]
    rows[11][measure] = bad
    table = segments(rows).select(GATE_COLUMNS)
    outcome = judge_alignments(table, only(**{measure: limits}))
    assert np.flatnonzero(outcome.rejected).tolist() == [11]
    assert not judge_alignments(table, only()).thresholds
    off = judge_alignments(table, AlignmentGateConfig(enabled=False))
    assert not off.rejected.any()
    assert not off.thresholds


def test_measures_that_do_not_exist_reject_nothing():
    rows = [{"rms": 0.05 + 0.0001 * n, "speaking_rate": 12 + 0.1 * (n % 7)} for n in range(300)]
    outcome = judge_alignments(segments(rows).select(GATE_COLUMNS), AlignmentGateConfig())
    assert not outcome.rejected.any()
    unused = {(found.measure.name, found.level): found.unused for found in outcome.thresholds}
    assert unused["score", "word"] == "no word has it"
    assert unused["score", "utterance"] == "no utterance has it"
    assert unused["rms", "word"] == ""


def test_nothing_to_judge():
    outcome = judge_alignments(segments([]).select(GATE_COLUMNS), AlignmentGateConfig())
    assert (len(outcome.rejected), outcome.thresholds) == (0, ())


def test_examples_are_near_the_limits_and_have_their_sound(tmp_path):
    rows = [{"score": score} for score in scores(100)]
    for number, score in ((7, -4.0), (33, -9.0), (61, -2.2)):
        rows[number]["score"] = score
    tables = [segments(rows).slice(0, 40), segments(rows).slice(40, 60)]
    store, empty = Store(str(tmp_path)), Quarantine("segments").table()
    parts = [store.write_part("segments", f"key{n}", "a", PartOutput(t, empty)) for n, t in enumerate(tables)]
    manifest = Manifest("segments", 1, tuple(parts))
    outcome = judge_alignments(read_measures(store, manifest), only(score={"word_low": 4}))
    rejected = np.flatnonzero(outcome.rejected).tolist()
    assert set(rejected) == {7, 33, 61}
    chosen = choose_examples(outcome, per_corpus=2)
    assert chosen[:2] == [61, 33]  # nearest to the limit, farthest beyond it
    kept = np.argsort([row["score"] for row in rows])
    assert chosen[2] == next(row for row in kept.tolist() if row not in rejected and row // 5 not in (61 // 5, 33 // 5))
    assert len(chosen) == 4
    examples = read_examples(store, manifest, outcome, chosen)
    assert [bool(example.reason) for example in examples] == [True, True, False, False]
    for row, example in zip(chosen, examples, strict=True):
        assert (decode_flac(example.flac) == row).all()  # every sample is the number of the row
        assert example.source == f"f{row // 5}.wav"
