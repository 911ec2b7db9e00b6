"""A real bundle on recordings: planted keywords are found where they are."""

import numpy as np
import pytest
from builders import KEYWORDS, OTHER_WORDS, SPEAKERS

from kws_core.backends.table import BACKENDS
from kws_core.backends.thresholds import decide
from kws_core.bundle import write_bundle
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.demo import PlannedUtterance, synthesise_speaker
from kws_core.detector import HOP_S, SMOOTHING_WINDOWS
from kws_core.embeddings import segment_window
from kws_core.spotter import Spotter
from kws_core.stream_peaks import StreamPeaks

STRICT = 0.8


@pytest.fixture(scope="module")
def spotter(spoken, tmp_path_factory):
    """With stricter thresholds than calibrated: the tiny encoder is no judge of words like "kitchen"."""
    thresholds = {**spoken.description["thresholds"], "centroid": (STRICT,) * len(KEYWORDS)}
    folder = tmp_path_factory.mktemp("strict") / "bundle"
    write_bundle(folder, spoken.contents, {**spoken.description, "thresholds": thresholds})
    return Spotter.load(folder)


@pytest.fixture(scope="module")
def said(spoken):
    """New recordings of every word: samples of full scale 1, and the middle of the word in them.

    By a training speaker, at another rate and pitch: these tests are about times, not about new speakers.
    """
    rows = spoken.selection.select(["speaker_id", "split"]).to_pylist()
    trained = {row["speaker_id"] for row in rows if row["split"] == "train"}
    voice = next(voice for voice in SPEAKERS if voice.speaker_id in trained)
    plan = [PlannedUtterance(voice, word, word) for word in (*KEYWORDS, *OTHER_WORDS)]
    return {
        spoken.text: (
            (spoken.pcm / 32768).astype(np.float32),
            (spoken.words[0].start_s + spoken.words[0].end_s) / 2,
        )
        for spoken in synthesise_speaker(plan, seed=1)
    }


def plant(said, seconds, **starts_s):
    """Silence with words in it, and the middles of the words."""
    recording = np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
    middles = {}
    for word, start_s in starts_s.items():
        pcm, middle_s = said[word]
        at = round(start_s * SAMPLE_RATE_HZ)
        recording[at : at + len(pcm)] += pcm
        middles[word] = start_s + middle_s
    return recording, middles


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("start_s", [0.0, 0.77, 2.131])
def test_a_keyword_in_silence_is_found_where_it_is(spotter, spoken, said, keyword, start_s):
    recording, middles = plant(said, 4, **{keyword: start_s})
    (event,) = spotter.detect(recording)
    assert event.keyword == keyword
    assert (event.start_s + event.end_s) / 2 == pytest.approx(middles[keyword], abs=0.15)
    place = KEYWORDS.index(keyword)
    assert event.end_s - event.start_s == pytest.approx(spoken.bundle.description.keyword_durations_s[place], abs=2e-3)
    assert STRICT <= event.score <= 1


def test_keywords_among_other_words_come_in_the_order_of_time(spotter, said):
    recording, middles = plant(said, 8, window=0.4, weather=1.9, marvin=3.4, computer=6.3)
    events = spotter.detect(recording)
    assert [event.keyword for event in events] == ["window", "marvin", "computer"]
    for event in events:
        assert (event.start_s + event.end_s) / 2 == pytest.approx(middles[event.keyword], abs=0.15)


def test_the_same_keyword_twice_is_two_events(spotter, said):
    first, _ = plant(said, 5, marvin=0.5)
    second, _ = plant(said, 5, marvin=3.0)
    events = spotter.detect(first + second)
    assert [event.keyword for event in events] == ["marvin", "marvin"]
    assert events[1].start_s - events[0].start_s == pytest.approx(2.5, abs=HOP_S + 1e-9)


@pytest.mark.parametrize("silence_samples", [1, 799, 1280, 16000, 50001])
def test_trailing_silence_changes_nothing(spotter, said, silence_samples):
    recording, _ = plant(said, 3, computer=0.5, marvin=1.5)
    expected = spotter.detect(recording)
    assert len(expected) == 2
    longer = np.concatenate([recording, np.zeros(silence_samples, np.float32)])
    found = spotter.detect(longer)
    for event, other in zip(expected, found, strict=True):
        assert (event.keyword, event.start_s, event.end_s) == (other.keyword, other.start_s, other.end_s)
        assert event.score == pytest.approx(other.score, abs=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 10, 1279, 1280, 2560, 8000, 15999])
def test_short_recordings_work(spotter, samples):
    assert spotter.detect(np.zeros(samples, np.float32)) == []


def test_a_keyword_alone_in_less_than_a_second(spotter, said):
    pcm, middle_s = said["marvin"]
    middle = round(middle_s * SAMPLE_RATE_HZ)
    clip = pcm[middle - 4000 : middle + 4000]
    (event,) = spotter.detect(clip)
    assert event.keyword == "marvin"
    assert 0 <= event.start_s < event.end_s <= 0.5
    assert (event.start_s + event.end_s) / 2 == pytest.approx(0.25, abs=0.15)


def test_scores_of_detection_are_those_of_windows_and_averaged(spotter, said):
    recording, _ = plant(said, 2.5, window=0.7)
    (event,) = spotter.detect(recording)
    padded = np.pad(recording, 8000)
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    windows = np.stack([padded[at : at + 16000] for at in range(0, len(padded) - 15999, hop)])
    scores = spotter.scores(windows)[:, KEYWORDS.index("window")]
    smooth = [scores[max(at - SMOOTHING_WINDOWS + 1, 0) : at + 1].mean() for at in range(len(scores))]
    assert event.score == pytest.approx(max(smooth), abs=1e-6)


@pytest.mark.parametrize("decision", BACKENDS)
def test_classification_is_that_of_the_back_end(spoken, tmp_path, decision):
    bundle = write_bundle(tmp_path / "bundle", spoken.contents, {**spoken.description, "decision": decision})
    spotter = Spotter(bundle)
    row_of = {segment: row for row, segment in enumerate(spoken.selection["segment_id"].to_pylist())}
    rows = [row for row in spoken.segments.slice(0, 90).to_pylist() if row["segment_id"] in row_of]
    windows = np.stack([segment_window(row) for row in rows])
    embeddings = spoken.embeddings[[row_of[row["segment_id"]] for row in rows]]
    scores = spoken.fitted.backends()[decision].score(embeddings)
    thresholds = spoken.fitted.thresholds[decision]
    np.testing.assert_allclose(spotter.scores(windows), scores, atol=1e-4)
    answers = spotter.classify(windows)
    expected = decide(spotter.scores(windows), thresholds)
    assert {answer.accepted for answer in answers} == {True, False}
    for answer, place, row in zip(answers, expected.tolist(), scores, strict=True):
        assert answer.accepted == (place >= 0)
        best = place if place >= 0 else int(np.argmax(row - thresholds))
        assert answer.keyword == KEYWORDS[best]
        assert answer.score == pytest.approx(row[best], abs=1e-4)


def planted_scores(thresholds, peaks, windows=40):
    """Where detections are in scores below every threshold, but for `peaks`: (window, keyword, by how much above)."""
    scores = np.tile(thresholds - 0.5, (windows, 1))
    for window, keyword, above in peaks:
        # the smoothing divides by two windows
        scores[window, keyword] += 3 * (0.5 + above)
    stream = StreamPeaks(thresholds)
    found = sorted([*stream.push(scores), *stream.finish()], key=lambda peak: peak.window)
    return [(KEYWORDS[peak.keyword], peak.window) for peak in found]


def test_near_detections_of_a_keyword_are_one_whatever_lies_between(spotter):
    a, b, _ = KEYWORDS
    for peaks, expected in (
        ([(10, 0, 0.1)], [(a, 10)]),
        ([(10, 0, 0.1), (13, 0, 0.2)], [(a, 13)]),
        ([(10, 0, 0.2), (13, 0, 0.1)], [(a, 10)]),
        ([(10, 0, 0.1), (20, 0, 0.2)], [(a, 10), (a, 20)]),
        ([(10, 0, 0.2), (13, 1, 0.1), (16, 0, 0.1)], [(a, 10), (b, 13)]),
        ([(10, 0, 0.1), (13, 1, 0.1), (16, 0, 0.2)], [(b, 13), (a, 16)]),
        ([], []),
    ):
        # each peak is as high in its neighbouring windows, so only its surroundings order them
        found = planted_scores(spotter.thresholds, peaks)
        assert len(found) == len(expected)
        for (keyword, window), (expected_keyword, expected_window) in zip(found, expected, strict=True):
            assert keyword == expected_keyword
            assert abs(window - expected_window) <= 1
