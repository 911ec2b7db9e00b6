"""How far apart two pronunciations are: an edit distance weighted by the articulation of the phones.

Phones are those of CMUdict without stress digits.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Voiced (0, 1), place from the lips (0) to the glottis (1), manner from closed (0) to open (1).
_CONSONANTS = {
    "P": (0, 0.0, 0.0),
    "B": (1, 0.0, 0.0),
    "M": (1, 0.0, 0.4),
    "F": (0, 0.1, 0.6),
    "V": (1, 0.1, 0.6),
    "TH": (0, 0.25, 0.6),
    "DH": (1, 0.25, 0.6),
    "T": (0, 0.35, 0.0),
    "D": (1, 0.35, 0.0),
    "N": (1, 0.35, 0.4),
    "S": (0, 0.35, 0.65),
    "Z": (1, 0.35, 0.65),
    "L": (1, 0.35, 0.9),
    "R": (1, 0.45, 0.9),
    "CH": (0, 0.5, 0.3),
    "JH": (1, 0.5, 0.3),
    "SH": (0, 0.5, 0.65),
    "ZH": (1, 0.5, 0.65),
    "Y": (1, 0.6, 1.0),
    "K": (0, 0.75, 0.0),
    "G": (1, 0.75, 0.0),
    "NG": (1, 0.75, 0.4),
    "W": (1, 0.75, 1.0),
    "HH": (0, 1.0, 0.8),
}
# Openness, backness and rounding at the start and at the end of the vowel, each in [0, 1].
_VOWELS = {
    "IY": (0.0, 0.0, 0, 0.0, 0.0, 0),
    "IH": (0.2, 0.15, 0, 0.2, 0.15, 0),
    "EY": (0.4, 0.05, 0, 0.1, 0.05, 0),
    "EH": (0.6, 0.1, 0, 0.6, 0.1, 0),
    "AE": (0.9, 0.15, 0, 0.9, 0.15, 0),
    "AA": (1.0, 0.8, 0, 1.0, 0.8, 0),
    "AO": (0.7, 1.0, 1, 0.7, 1.0, 1),
    "OW": (0.5, 0.8, 1, 0.2, 0.95, 1),
    "UH": (0.2, 0.8, 1, 0.2, 0.8, 1),
    "UW": (0.0, 0.9, 1, 0.0, 0.9, 1),
    "AH": (0.6, 0.55, 0, 0.6, 0.55, 0),
    "ER": (0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
    "AY": (1.0, 0.6, 0, 0.15, 0.15, 0),
    "AW": (1.0, 0.6, 0, 0.2, 0.85, 1),
    "OY": (0.7, 1.0, 1, 0.2, 0.15, 0),
}
_CONSONANT_WEIGHTS = (0.3, 0.5, 0.6)
_VOWEL_WEIGHTS = (0.55, 0.45, 0.2, 0.35, 0.3, 0.1)
# Vowels and consonants that are nearly one another.
_GLIDES = {("IY", "Y"): 0.4, ("UW", "W"): 0.4, ("ER", "R"): 0.4, ("IH", "Y"): 0.6, ("UH", "W"): 0.6}
# Phones that are easily missed; any other costs 1 to insert or leave out.
_FAINT = {"HH": 0.5, "AH": 0.7, "T": 0.8, "D": 0.8}

PHONES = (*_CONSONANTS, *_VOWELS)
_INDEX = {phone: number for number, phone in enumerate(PHONES)}


def substitution_cost(one: str, other: str) -> float:
    """Cost of hearing one phone for another, in [0, 1]; raises `KeyError` for a phone that is none."""
    return float(_costs()[0][_INDEX[one], _INDEX[other]])


def pronunciation_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """The least cost of edits that turn one pronunciation into the other, divided by the longer one's phones.

    Symmetric, 0 for equal pronunciations, at most 1. Raises `KeyError` for a phone that is none.
    """
    return float(pronunciation_distances([one], [other])[0])


def pronunciation_distances(ones: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """`pronunciation_distance` of each pair `ones[n]`, `others[n]`: `[pairs]`, all pairs at once."""
    if not len(ones):
        return np.empty(0)
    left, left_lengths = _padded(ones)
    right, right_lengths = _padded(others)
    substitution, gap = _costs()
    pairs = np.arange(len(left))
    row = np.zeros((len(left), right.shape[1] + 1))
    np.cumsum(gap[right], axis=1, out=row[:, 1:])
    found = row[pairs, right_lengths].copy()  # right where the left one is empty
    for place in range(left.shape[1]):
        phone = left[:, place]
        following = np.empty_like(row)
        following[:, 0] = row[:, 0] + gap[phone]
        for column in range(right.shape[1]):
            heard = right[:, column]
            best = np.minimum(row[:, column + 1] + gap[phone], following[:, column] + gap[heard])
            following[:, column + 1] = np.minimum(best, row[:, column] + substitution[phone, heard])
        row = following
        ended = left_lengths == place + 1
        found[ended] = row[pairs[ended], right_lengths[ended]]
    longest = np.maximum(np.maximum(left_lengths, right_lengths), 1)
    distances: NDArray[np.float64] = np.minimum(found / longest, 1.0)
    return distances


def _padded(pronunciations: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lengths = np.array([len(phones) for phones in pronunciations], np.int64)
    codes = np.zeros((len(lengths), int(lengths.max(initial=0))), np.int64)
    for number, phones in enumerate(pronunciations):
        codes[number, : len(phones)] = [_INDEX[phone] for phone in phones]
    return codes, lengths


@cache
def _costs() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs of substitutions `[phones, phones]` and of insertions or omissions `[phones]`."""
    substitution = np.ones((len(PHONES), len(PHONES)))
    for table, weights in ((_CONSONANTS, _CONSONANT_WEIGHTS), (_VOWELS, _VOWEL_WEIGHTS)):
        rows = [_INDEX[phone] for phone in table]
        features = np.array(list(table.values()), np.float64) * weights
        substitution[np.ix_(rows, rows)] = np.abs(features[:, None] - features[None]).sum(axis=-1)
    for (vowel, consonant), cost in _GLIDES.items():
        substitution[_INDEX[vowel], _INDEX[consonant]] = substitution[_INDEX[consonant], _INDEX[vowel]] = cost
    np.clip(substitution, 0, 1, out=substitution)
    return substitution, np.array([_FAINT.get(phone, 1.0) for phone in PHONES])
