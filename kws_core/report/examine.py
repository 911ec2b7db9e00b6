"""A closer look at a judged system: the errors to hear, the map of its embeddings, and its baseline, paired."""

import numpy as np
import pyarrow as pa

from kws_core.config.report import ReportConfig
from kws_core.evaluation.candidate import Windows
from kws_core.evaluation.embedding_map import embedding_map
from kws_core.evaluation.streams.measures import StreamEvaluation
from kws_core.evaluation.system_comparison import (
    FigureComparison,
    compare_on_pairs,
    compare_on_segments,
    compare_on_streams,
)
from kws_core.evaluation.system_scores import SystemScores
from kws_core.evaluation.tested_rows import TestedRows, tested_words
from kws_core.evaluation.worst_errors import WorstErrors, worst_detections, worst_trials
from kws_core.report.evaluation import Examination
from kws_core.report.worst_errors import worst_error_galleries

TRIALS = ("out-of-vocabulary", "recordings")
"""Lists that an encoder without keywords is examined by: the first that there is, or else the first of all."""


def compare(
    selection: pa.Table,
    pairs: pa.Table,
    test_corpora: frozenset[str],
    targets: tuple[str, ...],
    ours: SystemScores,
    theirs: SystemScores,
    streams: tuple[StreamEvaluation | None, StreamEvaluation | None] = (None, None),
    *,
    replicates: int = 200,
    seed: int = 0,
) -> tuple[FigureComparison, ...]:
    """Every figure of `ours` beside that of `theirs`; their embeddings are of the rows of the selection."""
    tested = tested_words(selection, test_corpora)
    return (
        *compare_on_pairs(selection, pairs, ours, theirs, replicates, seed),
        *(compare_on_segments(tested, ours, theirs, targets, replicates, seed) if targets else ()),
        *compare_on_streams(*streams),
    )


def examine(
    selection: pa.Table,
    pairs: pa.Table,
    test_corpora: frozenset[str],
    targets: tuple[str, ...],
    system: SystemScores,
    windows: Windows,
    config: ReportConfig,
    *,
    comparison: tuple[FigureComparison, ...] = (),
    seed: int = 0,
) -> Examination:
    """Look at the test rows of a selection.

    Args:
        selection: `schemas.SELECTION`.
        pairs: `schemas.PAIRS`.
        test_corpora: only trials are measured on them.
        targets: the keywords that count.
        system: its embeddings are of the rows of the selection.
        windows: their sound.
        config: how much is shown.
        comparison: with the baseline, see `compare`.
        seed: of what is drawn.
    """
    tested = tested_words(selection, test_corpora)
    worst = _worst(selection, pairs, tested, system, targets, config.worst_errors)
    return Examination(
        comparison,
        errors=worst_error_galleries(worst, windows) if worst is not None else (),
        map=embedding_map(
            system.embeddings[tested.rows],
            tested.labels,
            targets,
            words=config.map_words,
            points=config.map_points,
            neighbours=config.neighbour_map,
            seed=seed,
        ),
    )


def _worst(
    selection: pa.Table,
    pairs: pa.Table,
    tested: TestedRows,
    system: SystemScores,
    targets: tuple[str, ...],
    most: int,
) -> WorstErrors | None:
    if not most:
        return None
    if system.backend is not None and len(tested.rows) and np.isin(tested.labels, targets).any():
        return worst_detections(tested, system, targets, most)
    lists = [name for name in dict.fromkeys(pairs["test_set"].to_pylist()) if not name.startswith("development ")]
    if not lists:
        return None
    chosen = next((name for name in TRIALS if name in lists), lists[0])
    return worst_trials(selection, pairs, chosen, system, most)
