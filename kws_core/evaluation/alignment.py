"""How far word boundaries lie from a reference."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.schemas import WORDS, check_schema


@dataclass(frozen=True)
class AlignmentSummary:
    """Absolute boundary errors of an alignment: milliseconds, and shares in [0, 1] of the words compared."""

    words: int
    """Words compared."""
    missing: int
    """Reference words that the alignment lacks, or has as another word at that place."""
    median_ms: float
    """Of the starts, as are the next three."""
    p90_ms: float
    share_over_50_ms: float
    share_over_100_ms: float
    end_median_ms: float
    """Of the ends, as are the next three."""
    end_p90_ms: float
    end_share_over_50_ms: float
    end_share_over_100_ms: float


def boundary_errors(words: pa.Table, reference: pa.Table) -> AlignmentSummary:
    """Errors of the aligned `words` against the `reference`, both with the schema `WORDS`.

    Words are matched by `(utterance_id, index)` and must be the same word, letter case aside; aligned words without
    a reference are left out. Raises `SchemaError` for other columns and `EvaluationError` when a word is listed
    twice or none can be compared.
    """
    for table, name in ((words, "words"), (reference, "reference words")):
        check_schema(table, WORDS, name)
        _check_unique(table, name)
    keys = ["utterance_id", "index"]
    columns = [*keys, "word", "start_s", "end_s"]
    joined = reference.select(columns).join(words.select(columns), keys, join_type="inner", right_suffix="_aligned")
    joined = joined.filter(pc.equal(pc.utf8_lower(joined["word"]), pc.utf8_lower(joined["word_aligned"])))
    if not joined.num_rows:
        raise EvaluationError(f"none of {reference.num_rows} reference words is among {words.num_rows} aligned words")
    starts = _errors_ms(joined, "start_s")
    ends = _errors_ms(joined, "end_s")
    return AlignmentSummary(
        joined.num_rows,
        reference.num_rows - joined.num_rows,
        float(np.median(starts)),
        float(np.percentile(starts, 90)),
        float((starts > 50).mean()),
        float((starts > 100).mean()),
        float(np.median(ends)),
        float(np.percentile(ends, 90)),
        float((ends > 50).mean()),
        float((ends > 100).mean()),
    )


def _errors_ms(joined: pa.Table, column: str) -> NDArray[np.float64]:
    seconds = joined[f"{column}_aligned"].to_numpy() - joined[column].to_numpy()
    # To the microsecond, or 1.05 - 1.0 would count as more than 50 ms.
    errors: NDArray[np.float64] = np.round(np.abs(seconds) * 1000, 3)
    return errors


def _check_unique(table: pa.Table, name: str) -> None:
    counts = table.group_by(["utterance_id", "index"]).aggregate([([], "count_all")])
    repeated = counts.filter(pc.greater(counts["count_all"], 1))
    if repeated.num_rows:
        row = repeated.slice(0, 1).to_pylist()[0]
        raise EvaluationError(f"{name}: word {row['index']} of utterance {row['utterance_id']!r} is listed twice")
