"""Words that sound alike: near by their pronunciations, or a phrase and a part or another order of its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kws_core.alignment.phone_distance import pronunciation_distances
from kws_core.alignment.pronunciation import pronounce

MOST_LABELS = 2000
"""Labels that are compared all with all; of more, the first ones."""
Relation = Literal["sound", "partial", "reordered"]


@dataclass(frozen=True)
class ConfusablePair:
    """Two labels that are easily taken for each other."""

    left: str
    right: str
    distance: float
    """Between their pronunciations, see `phone_distance`; 0 to 1."""
    relation: Relation


def confusable_pairs(
    labels: Sequence[str], most_distance: float, of: Sequence[str] | None = None
) -> list[ConfusablePair]:
    """Pairs of different labels that are confusable, the nearest first.

    Pairs with a distance of at most `most_distance`, and phrases of which one is part of the other or has its words
    in another order. Labels that sound exactly alike are left out, since nothing tells them apart; so are labels
    without Latin letters, whose pronunciation is not known. Beyond `MOST_LABELS` labels the last are left out.
    With `of`, only pairs that have one of these labels are looked for.
    """
    known = {}
    for label in dict.fromkeys(labels[:MOST_LABELS]):
        spoken = label_phones(label)
        if spoken:
            known[label] = spoken
    names, phones = list(known), list(known.values())
    lengths = np.array([len(one) for one in phones])
    left, right = np.triu_indices(len(names), 1)
    if of is not None:
        wanted = np.isin(names, list(of))
        either = wanted[left] | wanted[right]
        left, right = left[either], right[either]
    if not len(left):
        return []
    # as many phones as the lengths differ by are left out, at half the full cost or more
    shorter, longer = np.minimum(lengths[left], lengths[right]), np.maximum(lengths[left], lengths[right])
    phrase = np.array([" " in name for name in names])
    near = (0.5 * (longer - shorter) <= most_distance * longer) | phrase[left] | phrase[right]
    left, right = left[near], right[near]
    distances = pronunciation_distances(phones, left, right)
    candidates = np.flatnonzero((distances <= most_distance) | (phrase[left] | phrase[right]))
    found = []
    for place in candidates.tolist():
        one, other, distance = names[left[place]], names[right[place]], float(distances[place])
        relation = phrase_relation(one, other) or ("sound" if distance <= most_distance else None)
        if relation is not None and distance > 0:
            found.append(ConfusablePair(one, other, round(distance, 4), relation))
    return sorted(found, key=lambda pair: (pair.distance, pair.left, pair.right))


def phrase_relation(one: str, other: str) -> Relation | None:
    """`reordered`: the same words in another order; `partial`: one is a run of the other's words; None: neither."""
    left, right = one.split(), other.split()
    if left == right:
        return None
    if sorted(left) == sorted(right):
        return "reordered"
    short, long = sorted((left, right), key=len)
    runs = [long[start : start + len(short)] for start in range(len(long) - len(short) + 1)]
    return "partial" if short and len(short) < len(long) and short in runs else None


def label_phones(label: str) -> tuple[str, ...]:
    """Phones of a label of one or more words, by the English lexicon and letter-to-sound rules; empty where a word has
    no Latin letter."""
    spoken = [pronounce(word) for word in label.lower().split()]
    if not all(spoken):
        return ()
    return tuple(phone for phones in spoken if phones for phone in phones.split())
