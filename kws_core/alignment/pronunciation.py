"""How an English word is pronounced, whether a dictionary lists it or not."""

import unicodedata
from collections.abc import Callable

from kws_core.alignment.letter_to_sound import letter_to_sound
from kws_core.alignment.lexicon import pronunciation

Lookup = Callable[[str], str | None]

_HISSING = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH"})
# Endings whose sound does not depend on the stem; longer ones first.
_SUFFIXES = (
    ("fulness", "F AH L N AH S"),
    ("lessness", "L AH S N AH S"),
    ("ship", "SH IH P"),
    ("ness", "N AH S"),
    ("less", "L AH S"),
    ("ment", "M AH N T"),
    ("like", "L AY K"),
    ("ful", "F AH L"),
    ("ing", "IH NG"),
    ("est", "AH S T"),
    ("ish", "IH SH"),
    ("ly", "L IY"),
    ("er", "ER"),
)
_SHORTEST_STEM = 3
_SHORTEST_HALF = 4


def pronounce(word: str, lookup: Lookup = pronunciation) -> str | None:
    """Phones of a lower-case English word in CMUdict's set without stress digits; None where it has no Latin letter.

    In this order: the entry of the dictionary; a British spelling as its American one; possessives, plurals, past
    tenses and other endings of a word that is listed; two listed words written as one; letter-to-sound rules.
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", word) if letter.isascii() and letter.isalpha())
    if not plain:
        return None
    if "'" in word and plain != word:
        return lookup(word) or _possessive(word, lookup) or _by_rules(plain)
    return lookup(word) or lookup(plain) or _derived(plain, lookup) or _compound(plain, lookup) or _by_rules(plain)


def _by_rules(word: str) -> str | None:
    return " ".join(letter_to_sound(word)) or None


def _possessive(word: str, lookup: Lookup) -> str | None:
    stem, ending = word.rsplit("'", 1)
    if ending not in ("s", "") or "'" in stem:
        return None
    phones = pronounce(stem, lookup)
    return _with_s(phones) if phones and ending else phones


def _derived(word: str, lookup: Lookup) -> str | None:
    """A listed word with an ending."""
    if american := lookup(word.replace("our", "or")):
        return american
    for ending, sound in (("s", _with_s), ("es", _with_s), ("ed", _with_ed), ("d", _with_ed)):
        phones = _stem(word, ending, lookup)
        if phones:
            return sound(phones)
    for ending, phones_of_ending in _SUFFIXES:
        phones = _stem(word, ending, lookup)
        if phones:
            return f"{phones} {phones_of_ending}"
    return None


def _stem(word: str, ending: str, lookup: Lookup) -> str | None:
    """Phones of what stands before an ending, as it would be written alone."""
    if not word.endswith(ending) or len(word) - len(ending) < _SHORTEST_STEM:
        return None
    stem = word.removesuffix(ending)
    written = [stem]
    if stem.endswith("i"):
        written.append(stem[:-1] + "y")  # stealthi-ly
    if ending[0] in "aei" and ending not in ("ed", "es"):
        written.append(stem + "e")  # writ-ing
    if stem[-1] == stem[-2]:
        written.append(stem[:-1])  # begg-ed
    if stem.endswith("our") or "our" in stem:
        written.append(stem.replace("our", "or"))  # endeavour-ed
    return next((phones for spelling in written if (phones := lookup(spelling))), None)


def _compound(word: str, lookup: Lookup) -> str | None:
    """Two listed words; the most even split."""
    splits = sorted(range(_SHORTEST_HALF, len(word) - _SHORTEST_HALF + 1), key=lambda place: abs(2 * place - len(word)))
    for place in splits:
        left, right = lookup(word[:place]), lookup(word[place:])
        if left and right:
            return f"{left} {right}"
    return None


def _with_s(phones: str) -> str:
    last = phones.split()[-1]
    if last in _HISSING:
        return f"{phones} AH Z"
    return f"{phones} S" if last in _VOICELESS else f"{phones} Z"


def _with_ed(phones: str) -> str:
    last = phones.split()[-1]
    if last in ("T", "D"):
        return f"{phones} AH D"
    return f"{phones} T" if last in _VOICELESS | {"S", "SH", "CH"} else f"{phones} D"
