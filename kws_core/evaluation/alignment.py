"""How far word boundaries lie from a reference."""

from dataclasses import dataclass

import pyarrow as pa

from kws_core.alignment.compare import compare_words


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

    Aligned words without a reference are left out. Raises as `compare_words` does.
    """
    found = compare_words(reference, words, ("reference words", "aligned words"))
    starts, ends = found.starts, found.ends
    return AlignmentSummary(
        found.words,
        found.missing_in_b,
        starts.median_ms,
        starts.p90_ms,
        starts.share_over_50_ms,
        starts.share_over_100_ms,
        ends.median_ms,
        ends.p90_ms,
        ends.share_over_50_ms,
        ends.share_over_100_ms,
    )
