"""Pronunciations of English words that no dictionary lists, by rules learned from CMUdict.

The rules are in `letter_to_sound.txt`, one a line: `left.letter.right PHONE PHONE`, with no phones for a silent letter.
`tests/benchmarks/learn_letter_to_sound.py` writes it. CMUdict is (C) 1993-2015 Carnegie Mellon University, BSD licence.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

BOUNDARY = "#"
# Letters to the left and right of the one pronounced, from the widest rule's point of view: later ones win.
CONTEXTS = (
    (0, 0),
    (0, 1),
    (1, 0),
    (1, 1),
    (0, 2),
    (1, 2),
    (2, 1),
    (2, 2),
    (1, 3),
    (2, 3),
    (3, 2),
    (3, 3),
    (3, 4),
    (4, 4),
)
_WIDEST = max(max(sides) for sides in CONTEXTS)

Rules = Mapping[str, tuple[str, ...]]


def letter_to_sound(word: str) -> tuple[str, ...]:
    """Phones of a word of the letters a to z, in CMUdict's set without stress digits."""
    return apply(_rules(), word)


def apply(rules: Rules, word: str) -> tuple[str, ...]:
    """Phones that rules give a word: of every letter the widest rule that fits."""
    padded = BOUNDARY * _WIDEST + word + BOUNDARY * _WIDEST
    phones: list[str] = []
    for index in range(_WIDEST, _WIDEST + len(word)):
        phones.extend(_phones(rules, padded, index))
    return tuple(phones)


def context(padded: str, index: int, left: int, right: int) -> str:
    """The letter at an index with its neighbours, as rules name it."""
    return f"{padded[index - left : index]}.{padded[index]}.{padded[index + 1 : index + 1 + right]}"


def _phones(rules: Rules, padded: str, index: int) -> tuple[str, ...]:
    for left, right in reversed(CONTEXTS):
        phones = rules.get(context(padded, index, left, right))
        if phones is not None:
            return phones
    return ()


@cache
def _rules() -> Rules:
    text = files("kws_core.alignment").joinpath("letter_to_sound.txt").read_text(encoding="ascii")
    rules = (line.split() for line in text.splitlines())
    return {where: tuple(phones) for where, *phones in rules}
