import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.alignment.letter_to_sound import letter_to_sound
from kws_core.alignment.phone_durations import LOG_FRAMES, duration_deviation
from kws_core.alignment.pronunciation import pronounce

LISTED = {
    "cat": "K AE T",
    "church": "CH ER CH",
    "play": "P L EY",
    "honor": "AA N ER",
    "mill": "M IH L",
    "town": "T AW N",
    "happy": "HH AE P IY",
    "write": "R AY T",
    "need": "N IY D",
    "beg": "B EH G",
}


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("cat", "K AE T"),
        ("cat's", "K AE T S"),
        ("church's", "CH ER CH AH Z"),
        ("churches", "CH ER CH AH Z"),
        ("plays", "P L EY Z"),
        ("played", "P L EY D"),
        ("needed", "N IY D AH D"),
        ("begged", "B EH G D"),
        ("writing", "R AY T IH NG"),
        ("happily", "HH AE P IY L IY"),
        ("honours", "AA N ER Z"),
        ("honour", "AA N ER"),
        ("milltown", "M IH L T AW N"),
        ("c\N{LATIN SMALL LETTER A WITH GRAVE}t", "K AE T"),
    ],
)
def test_words_made_of_listed_words(word: str, phones: str) -> None:
    assert pronounce(word, LISTED.get) == phones


def test_a_word_without_latin_letters_has_no_pronunciation() -> None:
    assert pronounce("\N{CYRILLIC SMALL LETTER EM}\N{CYRILLIC SMALL LETTER I}") is None


@settings(deadline=None)  # the first call reads the rules
@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_letters_become_phones_of_the_model(word: str) -> None:
    phones = letter_to_sound(word)
    assert set(phones) <= set(LOG_FRAMES) | {"ZH", "OY"}
    assert len(phones) <= 2 * len(word)


@pytest.mark.parametrize(
    ("word", "pattern"),
    [
        ("gwendolen", r"G W EH N D .*L .*N"),
        ("rostopchin", r"R .*S T .*P CH .*N"),
        ("flambino", r"F L AE M B IY N OW"),
        ("stralight", r"S T R .* L AY T"),
    ],
)
def test_made_up_words_sound_as_they_are_written(word: str, pattern: str) -> None:
    assert re.fullmatch(pattern, " ".join(letter_to_sound(word)))


def test_durations_as_usual_deviate_least() -> None:
    usual = [("K", 8), ("AE", 9), ("T", 7)]
    assert duration_deviation(usual) < 1
    assert duration_deviation([("K", 60), ("AE", 1), ("T", 50)]) > 2
    assert duration_deviation([("ZZ", 8)]) < 1
    assert duration_deviation([]) != duration_deviation([])
