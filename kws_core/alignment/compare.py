"""How far the boundaries of two alignments of the same speech lie apart."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.schemas import WORDS, check_schema

_KEYS = ["utterance_id", "index"]


@dataclass(frozen=True)
class BoundaryDifferences:
    """Absolute differences of one boundary: milliseconds, and shares in [0, 1] of the words compared."""

    median_ms: float
    p90_ms: float
    share_over_50_ms: float
    share_over_100_ms: float


@dataclass(frozen=True)
class BoundaryComparison:
    """Two alignments, `a` and `b`, word by word."""

    words: int
    """Words that both have."""
    missing_in_a: int
    """Words of `b` that `a` lacks, or has as another word at that place."""
    missing_in_b: int
    starts: BoundaryDifferences
    ends: BoundaryDifferences
    start_ms: NDArray[np.float64]
    """Start in `a` minus start in `b` of every word compared, milliseconds `[words]`, by utterance and index."""
    end_ms: NDArray[np.float64]


def compare_words(a: pa.Table, b: pa.Table, names: tuple[str, str] = ("a", "b")) -> BoundaryComparison:
    """Compare two alignments, both with the schema `WORDS`; `names` is what errors call them.

    Words are matched by `(utterance_id, index)` and must be the same word, letter case aside. Raises `SchemaError`
    for other columns and `EvaluationError` when a word is listed twice or none can be compared.
    """
    joined = match_words(a, b, names)
    if not joined.num_rows:
        raise EvaluationError(f"none of {a.num_rows} {names[0]} is among {b.num_rows} {names[1]}")
    start_ms, end_ms = _differences_ms(joined, "start_s"), _differences_ms(joined, "end_s")
    shared = joined.num_rows
    return BoundaryComparison(
        shared,
        b.num_rows - shared,
        a.num_rows - shared,
        _summary(start_ms),
        _summary(end_ms),
        start_ms,
        end_ms,
    )


def match_words(a: pa.Table, b: pa.Table, names: tuple[str, str] = ("a", "b")) -> pa.Table:
    """The words that both have: columns `utterance_id index word start_s end_s` of `a`, and of `b` with `_b` appended.

    Raises as `compare_words` does, but for an empty result.
    """
    for table, name in zip((a, b), names, strict=True):
        check_schema(table, WORDS, name)
        _check_unique(table, name)
    columns = [*_KEYS, "word", "start_s", "end_s"]
    joined = a.select(columns).join(b.select(columns), _KEYS, join_type="inner", right_suffix="_b")
    same = pc.equal(pc.utf8_lower(joined["word"]), pc.utf8_lower(joined["word_b"]))
    # a join has no order of its own
    return joined.filter(same).sort_by([(key, "ascending") for key in _KEYS])


def _differences_ms(joined: pa.Table, column: str) -> NDArray[np.float64]:
    seconds = joined[column].to_numpy() - joined[f"{column}_b"].to_numpy()
    # to the microsecond, or 1.05 - 1.0 would count as more than 50 ms
    differences: NDArray[np.float64] = np.round(seconds * 1000, 3)
    return differences


def _summary(differences_ms: NDArray[np.float64]) -> BoundaryDifferences:
    absolute = np.abs(differences_ms)
    return BoundaryDifferences(
        float(np.median(absolute)),
        float(np.percentile(absolute, 90)),
        float((absolute > 50).mean()),
        float((absolute > 100).mean()),
    )


def _check_unique(table: pa.Table, name: str) -> None:
    counts = table.group_by(_KEYS).aggregate([([], "count_all")])
    repeated = counts.filter(pc.greater(counts["count_all"], 1))
    if repeated.num_rows:
        row = repeated.slice(0, 1).to_pylist()[0]
        raise EvaluationError(f"{name}: word {row['index']} of utterance {row['utterance_id']!r} is listed twice")
