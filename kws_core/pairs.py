"""Pair lists: trials of two segments, half of the same label, half of different labels (Ma et al., section 4)."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SelectionConfig
from kws_core.schemas import PAIRS

STAGE = "pairs"
VERSION = 1

Indexes = NDArray[np.int64]


def test_sets(selection: pa.Table, test_corpora: frozenset[str]) -> dict[str, Indexes]:
    """Rows of the selection that each pair list draws from, by the name of the list."""
    split = np.array(selection["split"].to_pylist())
    corpus = np.array(selection["corpus"].to_pylist())
    known = np.array(selection["label_id"].to_pylist()) >= 0
    is_word = np.array(selection["role"].to_pylist()) != "background"
    held_out = np.isin(corpus, sorted(test_corpora))
    sets = {
        f"{name}{vocabulary}": np.flatnonzero((split == part) & (known == inside) & is_word & ~held_out)
        for part, name in (("development", "development "), ("test", ""))
        for vocabulary, inside in (("in-vocabulary", True), ("out-of-vocabulary", False))
    }
    for name in sorted(test_corpora):
        sets[f"cross-corpus {name}"] = np.flatnonzero(corpus == name)
    return sets


def draw_pairs(selection: pa.Table, test_corpora: frozenset[str], config: SelectionConfig, seed: int) -> pa.Table:
    """Draw every pair list; lists whose data allow fewer trials than wanted hold all that exist of the rarer half.

    Returns:
        `schemas.PAIRS`; a list without a single trial of either half is left out.
    """
    labels = np.array(selection["label"].to_pylist())
    speakers = np.array(selection["speaker_id"].to_pylist())
    ids = np.array(selection["segment_id"].to_pylist())
    tables = [PAIRS.empty_table()]
    for number, (name, rows) in enumerate(test_sets(selection, test_corpora).items()):
        generator = np.random.default_rng([seed, number])
        cross = config.speaker_policy == "cross"
        same, different = _draw(labels[rows], speakers[rows], config.pairs // 2, cross, generator)
        if not len(same) or not len(different):
            continue
        pairs = rows[np.concatenate([same, different])]
        tables.append(
            pa.table(
                [
                    pa.array([name] * len(pairs)),
                    pa.array(ids[pairs[:, 0]].tolist()),
                    pa.array(ids[pairs[:, 1]].tolist()),
                    pa.array([True] * len(same) + [False] * len(different)),
                    pa.array([config.speaker_policy] * len(pairs)),
                ],
                schema=PAIRS,
            )
        )
    return pa.concat_tables(tables)


def _draw(
    labels: NDArray[np.str_], speakers: NDArray[np.str_], wanted: int, cross: bool, generator: np.random.Generator
) -> tuple[Indexes, Indexes]:
    """Same-label and different-label pairs `[n, 2]` of positions, without repeats, equally many of both."""
    _, label_ids = np.unique(labels, return_inverse=True)
    _, speaker_ids = np.unique(speakers, return_inverse=True)
    if not cross:
        speaker_ids = np.arange(len(labels))  # every segment its own speaker: any two may meet
    groups = [np.flatnonzero(label_ids == label) for label in range(label_ids.max(initial=-1) + 1)]
    possible = np.array([_cross_pairs(speaker_ids[group]) for group in groups], np.int64)
    different_possible = _cross_pairs(speaker_ids) - int(possible.sum())
    count = min(wanted, int(possible.sum()), different_possible)
    if not count:
        return np.empty((0, 2), np.int64), np.empty((0, 2), np.int64)

    def is_cross(pairs: Indexes) -> NDArray[np.bool_]:
        crossing: NDArray[np.bool_] = speaker_ids[pairs[:, 0]] != speaker_ids[pairs[:, 1]]
        return crossing

    def take(pairs: Indexes, mask: NDArray[np.bool_]) -> Indexes:
        kept: Indexes = pairs[mask]
        return kept

    def draw_same(size: int) -> Indexes:
        chosen = generator.choice(len(groups), size, p=possible / possible.sum())
        sizes = np.array([len(group) for group in groups])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        members = np.concatenate(groups)
        places = (generator.random((size, 2)) * sizes[chosen, None]).astype(np.int64)
        pairs: Indexes = members[starts[chosen, None] + places]
        return take(pairs, is_cross(pairs))

    def draw_different(size: int) -> Indexes:
        pairs = generator.integers(0, len(labels), (size, 2))
        return take(pairs, is_cross(pairs) & (label_ids[pairs[:, 0]] != label_ids[pairs[:, 1]]))

    def all_same() -> Indexes:
        pairs = np.array([pair for group in groups for pair in combinations(group.tolist(), 2)], np.int64)
        return take(pairs, is_cross(pairs))

    def all_different() -> Indexes:
        left, right = np.triu_indices(len(labels), 1)
        pairs = np.stack([left, right], axis=1)
        return take(pairs, is_cross(pairs) & (label_ids[left] != label_ids[right]))

    same = _unique(draw_same, all_same, int(possible.sum()), count, generator)
    return same, _unique(draw_different, all_different, different_possible, count, generator)


def _unique(
    draw: Callable[[int], Indexes],
    enumerate_all: Callable[[], Indexes],
    possible: int,
    count: int,
    generator: np.random.Generator,
) -> Indexes:
    """`count` different pairs: drawn while they are a small share of what exists, else chosen from all of them."""
    if count * 3 > possible:
        pairs = enumerate_all()
        chosen: Indexes = np.sort(generator.choice(len(pairs), count, replace=False))
        return np.sort(pairs[chosen], axis=1)
    found = np.empty((0, 2), np.int64)
    while len(found) < count:
        found = np.unique(np.concatenate([found, np.sort(draw(2 * count), axis=1)]), axis=0)
    chosen = np.sort(generator.choice(len(found), count, replace=False))
    result: Indexes = found[chosen]
    return result


def _cross_pairs(speaker_ids: Indexes) -> int:
    """Unordered pairs of different speakers."""
    _, counts = np.unique(speaker_ids, return_counts=True)
    n = len(speaker_ids)
    return n * (n - 1) // 2 - int((counts * (counts - 1) // 2).sum())
