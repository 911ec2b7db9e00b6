"""How far apart two pronunciations are: an edit distance weighted by the articulation of the phones.

Phones are those of CMUdict without stress digits.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Voiced, place from the lips (0) to the glottis (1), openness from closed (0) to open (1), nasal, liquid.
_CONSONANTS = {
    "P": (0, 0.0, 0.0, 0, 0),
    "B": (1, 0.0, 0.0, 0, 0),
    "M": (1, 0.0, 0.0, 1, 0),
    "F": (0, 0.1, 0.6, 0, 0),
    "V": (1, 0.1, 0.6, 0, 0),
    "TH": (0, 0.2, 0.6, 0, 0),
    "DH": (1, 0.2, 0.6, 0, 0),
    "T": (0, 0.35, 0.0, 0, 0),
    "D": (1, 0.35, 0.0, 0, 0),
    "N": (1, 0.35, 0.0, 1, 0),
    "S": (0, 0.35, 0.6, 0, 0),
    "Z": (1, 0.35, 0.6, 0, 0),
    "L": (1, 0.35, 0.9, 0, 1),
    "R": (1, 0.5, 0.9, 0, 1),
    "CH": (0, 0.5, 0.3, 0, 0),
    "JH": (1, 0.5, 0.3, 0, 0),
    "SH": (0, 0.5, 0.6, 0, 0),
    "ZH": (1, 0.5, 0.6, 0, 0),
    "Y": (1, 0.6, 1.0, 0, 0),
    "K": (0, 0.8, 0.0, 0, 0),
    "G": (1, 0.8, 0.0, 0, 0),
    "NG": (1, 0.8, 0.0, 1, 0),
    "W": (1, 0.7, 1.0, 0, 0),
    "HH": (0, 1.0, 0.8, 0, 0),
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
_CONSONANT_WEIGHTS = (0.15, 0.5, 0.5, 0.3, 0.2)
_VOWEL_WEIGHTS = (0.5, 0.4, 0.15, 0.3, 0.25, 0.1)
_LEAST_SUBSTITUTION = 0.15
"""Of different phones, to which what their features differ by is added."""
# Vowels and consonants that are nearly one another.
_GLIDES = {("IY", "Y"): 0.4, ("UW", "W"): 0.4, ("ER", "R"): 0.4, ("IH", "Y"): 0.6, ("UH", "W"): 0.6}
# Phones that are easily missed; any other costs 1 to insert or leave out.
_FAINT = {"HH": 0.5, "AH": 0.7, "T": 0.8, "D": 0.8}

PHONES = (*_CONSONANTS, *_VOWELS)
_PAIRS_AT_ONCE = 20_000  # whose costs stay in the cache
_INDEX = {phone: number for number, phone in enumerate(PHONES)}


def substitution_cost(one: str, other: str) -> float:
    """Cost of hearing one phone for another, in [0, 1]; raises `KeyError` for a phone that is none."""
    return float(_costs()[0][_INDEX[one], _INDEX[other]])


def pronunciation_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """The least cost of edits that turn one pronunciation into the other, divided by the longer one's phones.

    Symmetric, 0 for equal pronunciations, at most 1. Raises `KeyError` for a phone that is none.
    """
    return float(pronunciation_distances([one, other], np.array([0]), np.array([1]))[0])


def pronunciation_distances(
    pronunciations: Sequence[Sequence[str]], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """`pronunciation_distance` of `pronunciations[left]` and `pronunciations[right]`, `[pairs]`."""
    lengths = np.array([len(phones) for phones in pronunciations], np.int64)
    codes = np.zeros((int(lengths.max(initial=0)), len(lengths)), np.int64)
    for number, phones in enumerate(pronunciations):
        codes[: len(phones), number] = [_INDEX[phone] for phone in phones]
    distances = np.zeros(len(left))
    most = len(codes) + 1
    shapes = lengths[left] * most + lengths[right]
    for shape in np.unique(shapes).tolist():
        rows, columns = divmod(shape, most)
        pairs = np.flatnonzero(shapes == shape)
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            part = pairs[start : start + _PAIRS_AT_ONCE]
            cost = _edit_cost(codes[:rows, left[part]], codes[:columns, right[part]])
            distances[part] = cost / max(rows, columns, 1)
    return np.minimum(distances, 1.0)


def _edit_cost(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """The least cost `[pairs]` of edits from phones `left [rows, pairs]` to `right [columns, pairs]`."""
    substitution, gap = _costs()
    inserted, omitted = gap[right], gap[left]
    row = [np.zeros(left.shape[1])]
    for column in range(len(right)):
        row.append(row[-1] + inserted[column])
    for place, phone in enumerate(left):
        line = phone * len(PHONES)
        following = [row[0] + omitted[place]]
        for column, heard in enumerate(right):
            best = np.minimum(row[column + 1] + omitted[place], following[-1] + inserted[column])
            following.append(np.minimum(best, row[column] + substitution.take(line + heard)))
        row = following
    return row[-1]


@cache
def _costs() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs of substitutions `[phones, phones]` and of insertions or omissions `[phones]`."""
    substitution = np.ones((len(PHONES), len(PHONES)))
    for table, weights in ((_CONSONANTS, _CONSONANT_WEIGHTS), (_VOWELS, _VOWEL_WEIGHTS)):
        rows = [_INDEX[phone] for phone in table]
        features = np.array(list(table.values()), np.float64) * weights
        substitution[np.ix_(rows, rows)] = _LEAST_SUBSTITUTION + np.abs(features[:, None] - features[None]).sum(axis=-1)
    for (vowel, consonant), cost in _GLIDES.items():
        substitution[_INDEX[vowel], _INDEX[consonant]] = substitution[_INDEX[consonant], _INDEX[vowel]] = cost
    np.clip(substitution, 0, 1, out=substitution)
    np.fill_diagonal(substitution, 0)
    return substitution, np.array([_FAINT.get(phone, 1.0) for phone in PHONES])
