import re
from itertools import islice

import numpy as np
import pytest

from kws_core.config import DemoCorpusConfig
from kws_core.corpora.demo import PlannedUtterance, demo_recording, plan_demo, synthesise_speaker
from kws_core.corpora.demo_voices import HELD_BACK_VOICE, VOICES
from kws_core.corpora.demo_words import CARRIERS, FILLERS, KEYWORDS, OTHER_WORDS, RECORDING_SENTENCES
from kws_core.corpora.espeak import Synthesizer
from kws_core.errors import ConfigError

SENTENCES = [carrier.format(word) for carrier in CARRIERS for word in KEYWORDS] + [*FILLERS, *RECORDING_SENTENCES]


def test_words_are_distinct_and_plain() -> None:
    assert len(KEYWORDS) == len(set(KEYWORDS)) == 12
    assert len(OTHER_WORDS) == len(set(OTHER_WORDS)) >= 120
    assert not set(KEYWORDS) & set(OTHER_WORDS)
    assert len(set(CARRIERS)) >= 10
    assert all(carrier.split().count("{}") == 1 for carrier in CARRIERS)
    assert sum(carrier.endswith("{}") for carrier in CARRIERS) <= len(CARRIERS) / 2
    assert len(set(FILLERS)) >= 20
    assert not set(KEYWORDS) & {word for text in (*FILLERS, *CARRIERS) for word in text.split()}
    for text in (*SENTENCES, *KEYWORDS, *OTHER_WORDS):
        assert re.fullmatch(r"[a-z]+( [a-z]+)*", text), text


def test_words_are_in_the_dictionary_of_pocketsphinx() -> None:
    pocketsphinx = pytest.importorskip("pocketsphinx")
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    words = {word for text in (*SENTENCES, *OTHER_WORDS) for word in text.split()}
    assert [word for word in sorted(words) if decoder.lookup_word(word) is None] == []


def test_voices_are_distinct_variants_that_exist() -> None:
    pytest.importorskip("espeakng_loader")
    variants = [voice.variant for voice in (*VOICES, HELD_BACK_VOICE)]
    assert len(VOICES) >= DemoCorpusConfig().speakers
    assert len(variants) == len({variant.casefold() for variant in variants})
    assert set(variants) <= set(Synthesizer().variants)
    assert not any("whisper" in variant for variant in variants)
    assert len({voice.accent for voice in VOICES[:12]}) >= 4
    assert len({voice.speaker_id for voice in VOICES}) == len(VOICES)


def test_every_accent_says_every_text_word_by_word() -> None:
    pytest.importorskip("espeakng_loader")
    # `synthesize` raises where eSpeak joins words; joining is decided by the accent's dictionary, not by the variant.
    synthesizer = Synthesizer()
    for number, accent in enumerate(sorted({voice.accent for voice in VOICES})):
        carriers = [carrier.format(KEYWORDS[(i + number) % len(KEYWORDS)]) for i, carrier in enumerate(CARRIERS)]
        for text in (*carriers, *KEYWORDS, *FILLERS, *RECORDING_SENTENCES):
            assert [word.word for word in synthesizer.synthesize(text, accent).words] == text.split()


def test_plan_holds_what_was_asked_for() -> None:
    plan = plan_demo(DemoCorpusConfig(speakers=5, keyword_repeats=3, other_words=20))
    assert list(plan) == [voice.speaker_id for voice in VOICES[:5]]
    for speaker_id, planned in plan.items():
        texts = [utterance.text for utterance in planned]
        assert {utterance.speaker.speaker_id for utterance in planned} == {speaker_id}
        assert len(texts) == len(set(texts)) == 12 + 12 * 3 + 20 + 4
        for keyword in KEYWORDS:
            assert texts.count(keyword) == 1
            assert sum(keyword in text.split() and " " in text for text in texts) == 3
        assert sum(text in OTHER_WORDS for text in texts) == 20
        assert sum(text in FILLERS for text in texts) == 4
    sources = [utterance.source for planned in plan.values() for utterance in planned]
    assert len(sources) == len(set(sources))


def test_more_speakers_leave_the_others_alone() -> None:
    few, many = (plan_demo(DemoCorpusConfig(speakers=count)) for count in (5, 6))
    assert {speaker: many[speaker] for speaker in few} == few
    assert len(many) == 6


def test_plan_follows_the_seed() -> None:
    assert plan_demo(DemoCorpusConfig(seed=1)) == plan_demo(DemoCorpusConfig(seed=1))
    assert plan_demo(DemoCorpusConfig(seed=1)) != plan_demo(DemoCorpusConfig(seed=2))
    others = [[u.text for u in planned] for planned in plan_demo(DemoCorpusConfig(speakers=2)).values()]
    assert others[0] != others[1]


def test_more_repeats_than_carriers_start_over() -> None:
    (planned,) = plan_demo(DemoCorpusConfig(speakers=1, keyword_repeats=len(CARRIERS) + 2)).values()
    assert sum("camera" in utterance.text.split() for utterance in planned) == len(CARRIERS) + 3


def test_too_many_speakers_or_words_are_refused() -> None:
    with pytest.raises(ConfigError, match=f"speakers is {len(VOICES) + 1}; .* at most {len(VOICES)}"):
        plan_demo(DemoCorpusConfig(speakers=len(VOICES) + 1))
    with pytest.raises(ConfigError, match=f"other_words is 9999; .* at most {len(OTHER_WORDS)}"):
        plan_demo(DemoCorpusConfig(other_words=9999))


def test_recordings_hold_their_words_between_noise() -> None:
    pytest.importorskip("espeakng_loader")
    (planned,) = plan_demo(DemoCorpusConfig(speakers=1)).values()
    for utterance, recording in zip(planned[8:20], synthesise_speaker(planned[8:20], seed=0), strict=True):
        assert (recording.text, recording.source) == (utterance.text, utterance.source)
        assert [word.word for word in recording.words] == recording.text.split()
        before, after = recording.words[0].start_s, len(recording.pcm) / 16_000 - recording.words[-1].end_s
        assert 0.15 <= before <= 0.35
        assert 0.14 <= after <= 0.45
        margin = recording.pcm[: int(0.14 * 16_000)].astype(float) / 32768
        assert 20 * np.log10(np.sqrt(np.mean(margin**2))) == pytest.approx(-60, abs=1)
        inside = recording.pcm[int(16_000 * recording.words[0].start_s) : int(16_000 * recording.words[-1].end_s)]
        assert np.sqrt(np.mean((inside.astype(float) / 32768) ** 2)) > 0.01


def test_synthesis_is_repeatable_and_varied() -> None:
    pytest.importorskip("espeakng_loader")
    voice = VOICES[0]
    planned = [PlannedUtterance(voice, "marvin", f"espeak/{voice.speaker_id}/{i}") for i in range(2)]
    one, two = synthesise_speaker(planned, seed=0)
    (alone,) = islice(synthesise_speaker(planned[1:], seed=0), 1)
    np.testing.assert_array_equal(two.pcm, alone.pcm)
    assert two.words == alone.words
    assert one.pcm.tobytes() != two.pcm.tobytes()
    (other_seed,) = synthesise_speaker(planned[:1], seed=1)
    assert one.pcm.tobytes() != other_seed.pcm.tobytes()


def test_default_corpus_lasts_20_to_45_minutes() -> None:
    pytest.importorskip("espeakng_loader")
    plans = list(plan_demo(DemoCorpusConfig()).values())
    total = sum(len(recording.pcm) for planned in plans[::12] for recording in synthesise_speaker(planned, seed=0))
    assert 20 < total / 16_000 / 60 * len(plans) / len(plans[::12]) < 45


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_demo_recording_is_15_to_25_s_of_an_unheard_voice(seed: int) -> None:
    pytest.importorskip("espeakng_loader")
    pcm, words = demo_recording(seed)
    assert HELD_BACK_VOICE.variant not in {voice.variant for voice in VOICES}
    assert 15 <= len(pcm) / 16_000 <= 25
    assert sorted(word.word for word in words) == sorted(" ".join(RECORDING_SENTENCES).split())
    assert sum(word.word in KEYWORDS for word in words) == 6
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    for word in words:
        inside = pcm[int(16_000 * word.start_s) : int(16_000 * word.end_s)].astype(float) / 32768
        assert np.sqrt(np.mean(inside**2)) > 0.005, word
    again, _ = demo_recording(seed)
    np.testing.assert_array_equal(pcm, again)
