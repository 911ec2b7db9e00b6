"""Streams from utterances, alignment and segments: who is heard, what is left out, and where keywords lie."""

import math

import numpy as np
import pyarrow as pa
import pytest
from builders import selection_rows
from stream_corpus import make_corpus

from kws_core.config import SAMPLE_RATE_HZ, EvaluationStreamsConfig
from kws_core.evaluation.streams.build import FADE_S, build_streams, faded, join
from kws_core.evaluation.streams.facts import StreamFacts
from kws_core.evaluation.streams.plan import SpeechPiece, plan_streams
from kws_core.evaluation.streams.sources import (
    MARGIN_S,
    between_keywords,
    holds_keyword,
    keyword_pieces,
    speakers_of,
    speech_pieces,
)
from kws_core.evaluation.streams.stream import EvaluationStream
from kws_core.schemas import STREAMS, check_schema
from kws_core.store import Store

KEYWORDS = ("go", "stop")
CONFIG = EvaluationStreamsConfig(speech_minutes=1, noise_minutes=0.3, segments_per_keyword=3, snr_db=(10, 0))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    store = Store(str(tmp_path_factory.mktemp("store")))
    made = make_corpus(store)
    return store, made["utterances"], made["words"], made["segments"], store.read_table(made["selection"])


def build(data, config=CONFIG, split="test", seed=0):
    store, utterances, words, segments, selection = data
    speech = speech_pieces(store, utterances, words, KEYWORDS, speakers_of(selection, split, frozenset()))
    groups = plan_streams(speech, keyword_pieces(selection, KEYWORDS, split, frozenset()), config, split, seed)
    tables = [build_streams(store, utterances, segments, plans, config.spacing_s) for plans in groups]
    return pa.concat_tables(tables)


@pytest.fixture(scope="module")
def streams(data):
    return {row["stream"]: EvaluationStream.from_row(row) for row in build(data).to_pylist()}


def power_at(pcm, hertz):
    spectrum = np.abs(np.fft.rfft(pcm.astype(np.float64) / 32768)) ** 2
    at = round(hertz * len(pcm) / SAMPLE_RATE_HZ)
    return spectrum[max(at - 3, 0) : at + 4].sum() / spectrum.sum()


def test_streams_of_every_kind_by_test_speakers_alone(streams):
    assert list(streams) == [
        "test speech 1",
        "test noise",
        "test keywords in speech at 10 dB",
        "test keywords in speech at 0 dB",
        "test keywords in noise at 10 dB",
        "test keywords in noise at 0 dB",
    ]
    assert {speaker for stream in streams.values() for speaker in stream.facts.speakers} == {"anna", "ben"}
    assert streams["test noise"].facts.speakers == ()
    for stream in streams.values():
        assert stream.facts.duration_s == len(stream.pcm) / SAMPLE_RATE_HZ


def test_speech_has_no_keyword_in_it(streams):
    speech = streams["test speech 1"]
    assert speech.facts.events == ()
    # both speakers: two whole texts, and the two sides of "go" less the margin
    sides_s = 1.5 - MARGIN_S + 4 - 2.0 - MARGIN_S
    joins = 8 - 1
    assert speech.facts.duration_s == pytest.approx(2 * (8 + sides_s) - joins * FADE_S, abs=1e-3)
    assert power_at(speech.pcm, 3000) < 1e-4
    assert power_at(speech.pcm, 500) > 0.9


def test_keywords_lie_where_the_events_say_at_their_level(streams):
    for kind in ("speech", "noise"):
        events = {}
        for level in (10, 0):
            stream = streams[f"test keywords in {kind} at {level} dB"]
            events[level] = stream.facts.events
            assert len(events[level]) == (2 if kind == "speech" else 1)
            for event in events[level]:
                assert (event.keyword, event.snr_db) == ("go", level)
                assert event.end_s - event.start_s == pytest.approx(0.5)
                first, last = (round(time_s * SAMPLE_RATE_HZ) for time_s in (event.start_s, event.end_s))
                inside = power_at(stream.pcm[first:last], 3000)
                # speech is a tone of its own: what is not the keyword's pitch is background
                assert inside == pytest.approx(1 / (1 + 10 ** (-level / 10)), abs=0.12 if kind == "noise" else 0.04)
                assert power_at(stream.pcm[first - 12_000 : first - 2000], 3000) < 0.01
        places = [[(event.start_s, event.segment_id) for event in events[level]] for level in (10, 0)]
        assert places[0] == places[1]
        gaps = [later[0] - earlier[0] for earlier, later in zip(places[0], places[0][1:], strict=False)]
        assert all(gap >= CONFIG.spacing_s + 0.5 for gap in gaps)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(data):
    first = build(data)
    check_schema(first, STREAMS, "streams")
    assert first.equals(build(data))
    assert not first.equals(build(data, seed=1))
    row = first.to_pylist()[2]
    assert StreamFacts.from_row(row).events == EvaluationStream.from_row(row).facts.events


def test_splits_share_nothing(data):
    development = build(data, split="development").to_pylist()
    assert {speaker for row in development for speaker in row["speakers"]} == {"dora"}


def test_what_is_asked_for_is_not_exceeded(data):
    few = build(data, CONFIG.model_copy(update={"speech_minutes": 0.15, "segments_per_keyword": 1})).to_pylist()
    by_name = {row["stream"]: row for row in few}
    assert by_name["test speech 1"]["duration_s"] <= 9
    assert sum(len(row["events"]) for row in few) == 2  # one at each level
    none = build(data, CONFIG.model_copy(update={"speech_minutes": 0.0})).to_pylist()
    assert {row["kind"] for row in none} == {"noise", "keywords in noise"}
    silent = build(data, CONFIG.model_copy(update={"noise_minutes": 0.0})).to_pylist()
    assert {row["kind"] for row in silent} == {"speech", "keywords in speech"}


def test_speakers_in_two_splits_and_test_corpora_are_left_out():
    rows = [
        {"speaker_id": "a", "split": "test"},
        {"speaker_id": "b", "split": "test"},
        {"speaker_id": "b", "split": "train"},
        {"speaker_id": "c", "split": "test", "corpus": "held"},
    ]
    selection = selection_rows(rows)
    assert speakers_of(selection, "test", frozenset({"held"})) == {("split", "a")}
    left = keyword_pieces(selection, ("go",), "test", frozenset({"held"}))
    assert [piece.speaker_id for piece in left] == ["a", "b"]


def test_keywords_are_found_in_transcripts_by_whole_words():
    assert holds_keyword("we go home", ("go",))
    assert not holds_keyword("we forgo it", ("go",))
    assert holds_keyword("say hey marvin now", ("hey marvin",))
    assert between_keywords("we go", [("we", 0, 1), ("go", 1.5, 2)], 4.0, ("go",)) == [(0, 1.4), (2.1, 4.0)]
    # a keyword that the alignment lacks may be anywhere
    assert between_keywords("go and go", [("go", 1.5, 2)], 4.0, ("go",)) == []
    assert between_keywords("say hey marvin", [("say", 0, 1)], 4.0, ("hey marvin",)) == []


def test_speakers_take_turns_and_sentences_come_first():
    def piece(speaker, row, words):
        return SpeechPiece(0, row, 0.0, 10.0, speaker, words)

    pieces = [piece("a", row, 1 if row % 2 else 5) for row in range(10)] + [piece("b", 10, 5), piece("b", 11, 1)]
    (plan,), *_ = plan_streams(pieces, [], EvaluationStreamsConfig(speech_minutes=1, noise_minutes=0), "test", 3)
    assert [own.speaker_id for own in plan.speech[:3]] == ["a", "b", "a"]
    assert [own.words for own in plan.speech if own.speaker_id == "a"] == [5, 5, 5, 5]
    assert len(plan.speech) == 6


def test_pieces_fade_into_each_other_without_a_dip():
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    ones = np.ones(4000, np.float32)
    joined = join([ones, ones, ones])
    assert len(joined) == 3 * 4000 - 2 * fade
    np.testing.assert_allclose(joined[fade:-fade], 1, atol=1e-6)
    assert joined[0] == pytest.approx(0.5 / fade)
    assert faded(ones, fade).max() == 1
    assert not math.isnan(float(join([]).sum()))
