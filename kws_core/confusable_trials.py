"""Trials between words that sound alike: what a spotter is most easily fooled by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.confusable import ConfusablePair

Indexes = NDArray[np.int64]
MOST_LISTED = 2_000_000
"""Trials up to which all that exist are listed to draw from; of more, as many are drawn first, or four times those
wanted."""


def draw_confusable(
    labels: NDArray[np.str_],
    speakers: NDArray[np.int64],
    pairs: Sequence[ConfusablePair],
    wanted: int,
    cross: bool,
    generator: np.random.Generator,
) -> Indexes:
    """At most `wanted` different pairs of positions `[n, 2]`, each of two confusable labels.

    `labels [positions]`, `speakers [positions]`; with `cross` the two sides are different speakers. All trials that
    exist are equally likely, so frequent words have more of them.
    """
    places = {label: np.flatnonzero(labels == label) for pair in pairs for label in (pair.left, pair.right)}
    sides = [(places[pair.left], places[pair.right]) for pair in pairs]
    sizes = np.array([len(left) * len(right) for left, right in sides], np.int64)
    total = int(sizes.sum())
    if not total:
        return np.empty((0, 2), np.int64)
    most = max(4 * wanted, MOST_LISTED)
    numbers = np.arange(total) if total <= most else np.unique(generator.integers(0, total, most))
    ends = np.cumsum(sizes)
    which = np.searchsorted(ends, numbers, side="right")
    found = []
    for number in np.unique(which).tolist():
        left, right = sides[number]
        row, column = np.divmod(numbers[which == number] - (ends[number] - sizes[number]), len(right))
        found.append(np.stack([left[row], right[column]], axis=1))
    drawn = np.concatenate(found)
    if cross:
        drawn = drawn[speakers[drawn[:, 0]] != speakers[drawn[:, 1]]]
    kept = np.sort(generator.choice(len(drawn), min(wanted, len(drawn)), replace=False))
    result: Indexes = drawn[kept]
    return result
