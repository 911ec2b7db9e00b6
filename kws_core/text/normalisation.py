"""The steps of `kws_core.text`, put together."""

import re
import unicodedata
from typing import Final

from kws_core.errors import CorpusError
from kws_core.text.english_numbers import spell_out
from kws_core.text.language import primary_language
from kws_core.text.mandarin import join_by_lexicon, split_characters

_DOTLESS: Final = frozenset({"az", "tr"})
_APOSTROPHES: Final = frozenset(
    "'`\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"
    "\N{MODIFIER LETTER PRIME}\N{ACUTE ACCENT}"
)
# A letter by use, a number by its Unicode category: the Chinese zero.
_MORE_LETTERS: Final = frozenset("\N{IDEOGRAPHIC NUMBER ZERO}")
_MOST_PASSES: Final = 8


def normalise(text: str, language: str, lexicon: frozenset[str] = frozenset()) -> list[str]:
    """Words of a transcript; the steps are listed in `kws_core.text`.

    Args:
        text: the transcript as it came, or normalised already.
        language: its code, such as `en`, `en-US` or `cmn`.
        lexicon: words that an aligner knows; Chinese is segmented by them.

    Raises:
        CorpusError: it holds digits, and the language is not English.
    """
    primary = primary_language(language)
    words = _words(text, primary)
    for _ in range(_MOST_PASSES):  # dropping a character may let its neighbours compose
        again = _words(" ".join(words), primary)
        if again == words:
            break
        words = again
    if lexicon and primary == "zh":
        words = join_by_lexicon(words, lexicon)
    return words


def _words(text: str, language: str) -> list[str]:
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if language in _DOTLESS:
        plain = plain.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i")
        plain = plain.replace("I", "\N{LATIN SMALL LETTER DOTLESS I}")
    plain = plain.lower()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    plain = plain.translate(_DIGITS)
    if language == "en":
        plain = spell_out(plain)
    elif digits := re.search("[0-9]+", plain):
        raise CorpusError(
            f"the number {digits.group()!r} in the transcript must be spelled out: numbers become words in English only"
        )
    tokens = re.sub("''+", " ", plain.translate(_CHARACTERS)).split()
    words = [word for word in map(_trimmed, tokens) if word]
    return split_characters(words, plain) if language == "zh" else words


def _trimmed(word: str) -> str:
    """Without apostrophes and accents that no letter carries."""
    word = word.strip("'")
    if word.isascii():
        return word
    while word and (word[0] == "'" or unicodedata.category(word[0])[0] == "M"):
        word = word[1:]
    return word


class _Table(dict[int, str]):
    """For `str.translate`: what becomes of each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = self.choose(chr(code))
        return self[code]

    def choose(self, character: str) -> str:
        raise NotImplementedError


class _Digits(_Table):
    """Decimal digits of any script as 0 to 9."""

    def choose(self, character: str) -> str:
        return str(unicodedata.decimal(character, character))


class _Characters(_Table):
    """Letters stay, apostrophes become one, characters of format vanish, the rest separates."""

    def choose(self, character: str) -> str:
        category = unicodedata.category(character)
        if category == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, ""):
            return ""
        if character in _APOSTROPHES:
            return "'"
        return character if category[0] in "LM" or character in _MORE_LETTERS else " "


_DIGITS: Final = _Digits()
_CHARACTERS: Final = _Characters()
