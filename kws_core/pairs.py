"""Pair lists: trials of two segments, half of the same label, half of different labels (Ma et al., section 4)."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.coded_column import CodedColumn
from kws_core.config import SelectionConfig
from kws_core.confusable import confusable_pairs
from kws_core.confusable_trials import draw_confusable
from kws_core.numbered_pairs import Indexes, NumberedPairs
from kws_core.schemas import PAIRS

STAGE = "pairs"
VERSION = 2
CONFUSABLE = "confusable"
"""The list whose different trials are of words that sound alike."""

CONFUSABLE_DRAW = 1_000_000
"""Its generator; the other lists are numbered from 0."""
LEAST_ACCEPTED_SHARE = 0.01
"""Of draws, before it is cheaper to number all pairs."""


def test_sets(selection: pa.Table, test_corpora: frozenset[str]) -> dict[str, Indexes]:
    """Rows of the selection that each pair list draws from, by the name of the list."""
    known = selection["label_id"].to_numpy() >= 0
    is_word = ~_is_any(selection["role"], ["background"])
    held_out = _is_any(selection["corpus"], sorted(test_corpora))
    sets = {
        f"{name}{vocabulary}": np.flatnonzero(
            _is_any(selection["split"], [part]) & (known == inside) & is_word & ~held_out
        )
        for part, name in (("development", "development "), ("test", ""))
        for vocabulary, inside in (("in-vocabulary", True), ("out-of-vocabulary", False))
    }
    for name in sorted(test_corpora):
        sets[f"cross-corpus {name}"] = np.flatnonzero(_is_any(selection["corpus"], [name]))
    return sets


def draw_pairs(selection: pa.Table, test_corpora: frozenset[str], config: SelectionConfig, seed: int) -> pa.Table:
    """Draw every pair list; lists whose data allow fewer trials than wanted hold all that exist of the rarer half.

    Memory and time grow with the rows and the pairs wanted, never with the pairs that exist.

    Returns:
        `schemas.PAIRS`; a list without a single trial of either half is left out, as is `CONFUSABLE` where no two words
        of the test sound alike.
    """
    labels, speakers = (CodedColumn.of(selection[name]).codes for name in ("label", "speaker_id"))
    tables = [PAIRS.empty_table()]
    for number, (name, rows) in enumerate(test_sets(selection, test_corpora).items()):
        generator = np.random.default_rng([seed, number])
        cross = config.speaker_policy == "cross"
        same, different = _draw(labels[rows], speakers[rows], config.pairs // 2, cross, generator)
        if not len(same) or not len(different):
            continue
        tables.append(_table(selection, name, rows, same, different, config.speaker_policy))
    tables.append(
        _confusable(selection, test_corpora, config, speakers, np.random.default_rng([seed, CONFUSABLE_DRAW]))
    )
    return pa.concat_tables(tables)


def _table(selection: pa.Table, name: str, rows: Indexes, same: Indexes, different: Indexes, policy: str) -> pa.Table:
    """A pair list of positions `[n, 2]` among `rows` of the selection."""
    pairs = rows[np.concatenate([same, different])]
    left, right = (selection["segment_id"].take(pa.array(side)).combine_chunks() for side in pairs.T)
    columns = [
        pa.array([name] * len(pairs)),
        left,
        right,
        pa.array([True] * len(same) + [False] * len(different)),
        pa.array([policy] * len(pairs)),
    ]
    return pa.table(columns, schema=PAIRS)


def _confusable(
    selection: pa.Table,
    test_corpora: frozenset[str],
    config: SelectionConfig,
    speakers: Indexes,
    generator: np.random.Generator,
) -> pa.Table:
    """Trials of test words that sound alike, and as many of the same words with themselves; empty without any."""
    is_word = ~_is_any(selection["role"], ["background"])
    tested = _is_any(selection["split"], ["test"]) & is_word & ~_is_any(selection["corpus"], sorted(test_corpora))
    rows = np.flatnonzero(tested)
    labels = np.array(selection["label"].take(pa.array(rows)).to_pylist(), np.str_)
    names, counts = np.unique(labels, return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")].tolist()
    first = [keyword for keyword in config.keywords if keyword in frequent]
    pairs = confusable_pairs([*first, *frequent], config.confusable_distance)
    confused = sorted({label for pair in pairs for label in (pair.left, pair.right)})
    rows = rows[np.isin(labels, confused)]
    labels = labels[np.isin(labels, confused)]
    cross = config.speaker_policy == "cross"
    different = draw_confusable(labels, speakers[rows], pairs, config.pairs // 2, cross, generator)
    codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    same, _ = _draw(codes, speakers[rows], len(different), cross, generator)
    if not len(same):
        return PAIRS.empty_table()
    fewer = np.sort(generator.choice(len(different), len(same), replace=False))
    return _table(selection, CONFUSABLE, rows, same, different[fewer], config.speaker_policy)


def _draw(
    labels: Indexes, speakers: Indexes, wanted: int, cross: bool, generator: np.random.Generator
) -> tuple[Indexes, Indexes]:
    """Same-label and different-label pairs `[n, 2]` of positions, without repeats, equally many of both."""
    label_ids = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    # any two may meet: every segment its own speaker
    speaker_ids = np.unique(speakers, return_inverse=True)[1] if cross else np.arange(len(labels))
    existing = [NumberedPairs.of(label_ids, speaker_ids.astype(np.int64), same) for same in (True, False)]
    count = min(wanted, *(pairs.count for pairs in existing))
    if not count:
        return np.empty((0, 2), np.int64), np.empty((0, 2), np.int64)
    same, different = existing
    members = np.argsort(label_ids, kind="stable")
    sizes = np.bincount(label_ids)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    possible = same.of_labels(starts)

    def draw_same(size: int) -> Indexes:
        chosen = generator.choice(len(sizes), size, p=possible / possible.sum())
        places = (generator.random((size, 2)) * sizes[chosen, None]).astype(np.int64)
        pairs: Indexes = members[starts[chosen, None] + places]
        crossing: Indexes = pairs[speaker_ids[pairs[:, 0]] != speaker_ids[pairs[:, 1]]]
        return crossing

    def draw_different(size: int) -> Indexes:
        pairs = generator.integers(0, len(label_ids), (size, 2))
        crossing = speaker_ids[pairs[:, 0]] != speaker_ids[pairs[:, 1]]
        found: Indexes = pairs[crossing & (label_ids[pairs[:, 0]] != label_ids[pairs[:, 1]])]
        return found

    shares = (
        float((possible / possible.sum() * 2 * possible / sizes**2).sum()),
        2 * different.count / len(label_ids) ** 2,
    )
    return (
        _unique(draw_same, same, shares[0], count, generator),
        _unique(draw_different, different, shares[1], count, generator),
    )


def _unique(
    draw: Callable[[int], Indexes],
    existing: NumberedPairs,
    accepted_share: float,
    count: int,
    generator: np.random.Generator,
) -> Indexes:
    """`count` different pairs: drawn while few of those that exist are wanted and most draws hit, else by number."""
    if count * 3 > existing.count or accepted_share < LEAST_ACCEPTED_SHARE:
        return existing.pairs(np.sort(generator.choice(existing.count, count, replace=False)))
    found = np.empty((0, 2), np.int64)
    while len(found) < count:
        found = np.unique(np.concatenate([found, np.sort(draw(2 * count), axis=1)]), axis=0)
    chosen = np.sort(generator.choice(len(found), count, replace=False))
    result: Indexes = found[chosen]
    return result


def _is_any(column: pa.ChunkedArray, values: list[str]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.is_in(column, pa.array(values, pa.string())).to_numpy()
    return found
