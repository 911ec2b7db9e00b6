import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.audio import encode_flac
from kws_core.config import SegmentsConfig
from kws_core.schemas import SEGMENTS, UTTERANCES, WORDS, check_schema
from kws_core.segments import BACKGROUND, cut_part, cut_span

WORDS_ONLY = SegmentsConfig(background_share=0)
PCM = np.random.default_rng(0).integers(-3000, 3000, 3 * 16000).astype(np.int16)


def utterances(pcm: np.ndarray = PCM, count: int = 1) -> pa.Table:
    row = {
        "corpus": "demo",
        "speaker_id": "anna",
        "text": "x",
        "split": "",
        "language": "en",
        "audio": encode_flac(pcm),
        "duration_s": len(pcm) / 16000,
        "licence": "CC0",
    }
    rows = [{**row, "utterance_id": f"u{i}", "source": f"s{i}.wav"} for i in range(count)]
    return pa.Table.from_pylist(rows, schema=UTTERANCES)


def words(*rows: dict[str, Any]) -> pa.Table:
    given = {"utterance_id": "u0", "word": "stop", "start_s": 1.0, "end_s": 1.4, "score": -5.0, "aligner": "a"}
    return pa.Table.from_pylist([{"index": i, **given, **row} for i, row in enumerate(rows)], schema=WORDS)


@given(st.floats(0, 5), st.floats(0.1, 1.0), st.floats(0, 3), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_cuts_hold_the_word_in_their_middle(start_s: float, word_s: float, after_s: float, context_s: float) -> None:
    end_s, duration_s = start_s + word_s, start_s + word_s + after_s
    config = SegmentsConfig(context_s=context_s)
    first, last = cut_span(start_s, end_s, duration_s, config)
    assert 0 <= first <= start_s + 1e-9
    assert end_s - 1e-9 <= last <= duration_s
    assert last - first <= config.max_duration_s + 1e-9
    length = min(max(word_s + 2 * context_s, 0.5), 1.0)
    inside = first > 0 and last < duration_s
    if inside:
        assert last - first == pytest.approx(length)
        assert start_s - first == pytest.approx(last - end_s)
    # what an edge takes is not made up on the other side: the word stays in the middle of the wanted cut
    assert first == pytest.approx(max(0.0, (start_s + end_s - length) / 2))
    assert last == pytest.approx(min(duration_s, (start_s + end_s + length) / 2))


@pytest.mark.parametrize(
    ("word", "duration_s", "expected"),
    [
        ((1.0, 1.4), 3.0, (0.7, 1.7)),
        ((0.1, 0.5), 3.0, (0.0, 0.8)),
        ((2.5, 2.9), 3.0, (2.2, 3.0)),
        ((0.0, 0.4), 0.4, (0.0, 0.4)),
        ((1.0, 2.0), 3.0, (1.0, 2.0)),
    ],
)
def test_cuts_of_known_words(word: tuple[float, float], duration_s: float, expected: tuple[float, float]) -> None:
    assert cut_span(*word, duration_s, SegmentsConfig()) == pytest.approx(expected)


def test_words_without_context_are_still_half_a_second() -> None:
    assert cut_span(1.0, 1.2, 3.0, SegmentsConfig(context_s=0)) == pytest.approx((0.85, 1.35))


def test_rows_hold_exactly_their_samples() -> None:
    output = cut_part(utterances(), words({}, {"start_s": 2.0, "end_s": 2.5, "word": "music"}), WORDS_ONLY)
    check_schema(output.table, SEGMENTS, "segments")
    assert output.quarantine.num_rows == 0
    first, second = output.table.to_pylist()
    assert (first["segment_id"], first["label"]) == ("u0-000", "stop")
    assert (second["segment_id"], second["label"]) == ("u0-001", "music")
    assert (first["start_s"], first["end_s"]) == (0.7, 1.7)
    assert (first["word_start_s"], first["word_end_s"]) == (1.0, 1.4)
    np.testing.assert_array_equal(np.frombuffer(first["audio"], "<i2"), PCM[11200:27200])
    assert first["rms"] == pytest.approx(np.sqrt(np.mean((PCM[16000:22400] / 32768) ** 2)), rel=1e-5)
    assert {first[name] for name in ("corpus", "speaker_id", "source", "licence")} == {
        "demo",
        "anna",
        "s0.wav",
        "CC0",
    }


@pytest.mark.parametrize(
    ("row", "config", "reason"),
    [
        ({"word": "a"}, {}, "its label has fewer than 2 characters"),
        ({"end_s": 1.05}, {}, "it lasts 0.05 s; at least 0.1 s are needed"),
        ({"end_s": 0.5}, {}, "it lasts -0.50 s; at least 0.1 s are needed"),
        ({"end_s": 2.2}, {}, "it lasts 1.20 s; at most 1 s fit a segment"),
        ({"score": -50.0}, {"min_score": -20}, "its alignment score -50.0 is below -20"),
        ({}, {"min_rms": 0.5}, "its level 5.3e-02 is below 0.5: silence"),
        ({"start_s": 3.5, "end_s": 3.9}, {}, "its level 0.0e+00 is below 0.0001: silence"),
    ],
)
def test_words_that_fail_a_gate_are_quarantined(row: dict[str, Any], config: dict[str, Any], reason: str) -> None:
    output = cut_part(utterances(), words(row), SegmentsConfig(background_share=0, **config))
    assert output.table.num_rows == 0
    name = row.get("word", "stop")
    assert output.quarantine.to_pylist() == [
        {"stage": "segments", "source": f"s0.wav word 0 {name!r}", "reason": reason}
    ]


def test_rejected_words_leave_the_others_alone() -> None:
    rows = [{"utterance_id": f"u{i % 70}", "index": i, "word": "a" if i % 3 else "go"} for i in range(140)]
    output = cut_part(utterances(PCM[:32000], 70), words(*rows), WORDS_ONLY)
    kept = [f"u{i % 70}-{i:03d}" for i in range(140) if i % 3 == 0]
    assert sorted(output.table.column("segment_id").to_pylist()) == sorted(kept)
    assert output.quarantine.num_rows == 140 - len(kept)


def test_words_without_a_score_pass_the_score_gate() -> None:
    output = cut_part(utterances(), words({"score": math.nan}), SegmentsConfig(background_share=0, min_score=0))
    assert output.table.num_rows == 1


def test_silence_is_not_a_word() -> None:
    silent = PCM.copy()
    silent[16000:22400] = 0
    output = cut_part(utterances(silent), words({}), WORDS_ONLY)
    assert output.quarantine.column("reason").to_pylist() == ["its level 0.0e+00 is below 0.0001: silence"]


def test_nothing_to_cut_is_an_empty_part() -> None:
    output = cut_part(utterances(), WORDS.empty_table(), WORDS_ONLY)
    check_schema(output.table, SEGMENTS, "segments")
    assert (output.table.num_rows, output.quarantine.num_rows) == (0, 0)


def test_background_is_cut_between_words_and_at_the_ends_of_speech() -> None:
    rows = ({}, {"start_s": 1.5, "end_s": 1.9}, {"start_s": 2.1, "end_s": 2.4})
    table = cut_part(utterances(), words(*rows), SegmentsConfig(background_share=1)).table
    background = [row for row in table.to_pylist() if row["label"] == BACKGROUND]
    centres = [row["word_start_s"] for row in background]
    assert centres == pytest.approx([1.0, (1.4 + 1.5) / 2, (1.9 + 2.1) / 2, 2.4])
    assert [row["segment_id"] for row in background] == [f"u0-b{number:03d}" for number in range(4)]
    for row in background:
        assert row["word_end_s"] == row["word_start_s"]
        first, last = round(row["start_s"] * 16000), round(row["end_s"] * 16000)
        assert last - first == pytest.approx(16000, abs=1)
        assert row["audio"] == PCM[first:last].tobytes()


def test_the_share_of_background_is_kept_and_the_same_places_are_chosen_again() -> None:
    one, again = (
        cut_part(utterances(count=300), words(*rows300()), SegmentsConfig(background_share=0.3)) for _ in "ab"
    )
    assert one.table["segment_id"].equals(again.table["segment_id"])
    labels = one.table["label"].to_pylist()
    assert labels.count(BACKGROUND) / 600 == pytest.approx(0.3, abs=0.06)


def rows300() -> list[dict[str, Any]]:
    return [{"utterance_id": f"u{number}", "index": 0} for number in range(300)]


def test_measures_of_the_gate_are_those_of_the_word() -> None:
    row = {"word": "don't", "phone_duration_deviation": 0.7, "disagreement_s": 0.03}
    pcm = PCM.copy()
    pcm[:16000] //= 10  # 20 dB less before the word, the same level after it
    output = cut_part(utterances(pcm), words(row), SegmentsConfig(background_share=1))
    found = {cut["label"]: cut for cut in output.table.to_pylist()}
    word, background = found["don't"], found[BACKGROUND]
    assert (word["score"], word["phone_duration_deviation"], word["disagreement_s"]) == (-5.0, 0.7, 0.03)
    assert word["speaking_rate"] == pytest.approx(4 / 0.4)  # an apostrophe is no letter
    spoken, before, after = (
        float(np.mean((pcm[first:last] / 32768) ** 2))
        for first, last in ((16000, 22400), (15200, 16000), (22400, 23200))
    )
    assert word["boundary_silence_db"] == pytest.approx(10 * math.log10((before + after) / 2 / spoken), abs=0.01)
    for name in ("score", "phone_duration_deviation", "disagreement_s", "speaking_rate", "rms", "boundary_silence_db"):
        assert math.isnan(background[name])


@pytest.mark.parametrize(
    ("span", "outside"),
    [((0.0, 0.4), [(6400, 7200)]), ((2.6, 3.0), [(40800, 41600)]), ((0.02, 0.4), [(0, 320), (6400, 7200)])],
)
def test_what_lies_outside_a_word_at_the_edge(span: tuple[float, float], outside: list[tuple[int, int]]) -> None:
    output = cut_part(utterances(), words({"start_s": span[0], "end_s": span[1]}), WORDS_ONLY)
    power = [float(np.mean((PCM[first:last] / 32768) ** 2)) for first, last in outside]
    inside = float(np.mean((PCM[round(span[0] * 16000) : round(span[1] * 16000)] / 32768) ** 2))
    expected = 10 * math.log10(np.mean(power) / inside)
    assert output.table["boundary_silence_db"].to_pylist() == [pytest.approx(expected, abs=0.01)]


def test_a_word_that_fills_its_utterance_has_nothing_outside_and_silence_is_far_below_it() -> None:
    whole = cut_part(utterances(PCM[:8000]), words({"start_s": 0.0, "end_s": 0.5}), WORDS_ONLY).table
    assert math.isnan(whole["boundary_silence_db"].to_pylist()[0])
    quiet = PCM.copy()
    quiet[:16000], quiet[22400:] = 0, 0
    (level,) = cut_part(utterances(quiet), words({}), WORDS_ONLY).table["boundary_silence_db"].to_pylist()
    assert -90 < level < -60


def test_the_official_split_of_the_utterance_stays_with_its_segments() -> None:
    column = UTTERANCES.get_field_index("split")
    official = utterances().set_column(column, "split", pa.array(["development"]))
    assert set(cut_part(official, words({}), SegmentsConfig(background_share=1)).table["split"].to_pylist()) == {
        "development"
    }
    assert cut_part(utterances(), words({}), WORDS_ONLY).table["split"].to_pylist() == [""]
