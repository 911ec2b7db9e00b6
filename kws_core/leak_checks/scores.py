"""Keywords that hide among the non-targets, by their scores: a mis-spelt or mis-labelled keyword sounds like one."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.coded_column import CodedColumn
from kws_core.config import LeaksConfig
from kws_core.leak_checks.leak import SHOWN, Leak, name_rows

LEAST_SPEAKERS = 3


def find_keywords_by_score(
    selection: pa.Table,
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float64],
    keywords: Sequence[str],
    config: LeaksConfig,
) -> Leak | None:
    """Rows of non-target labels that nearly all are accepted as one keyword and score as its own segments do.

    A word that only sounds like the keyword is accepted often, but its scores lie below those of the keyword. Labels
    with too few segments or speakers are not judged, nor are `config.known_labels`.

    Args:
        selection: the rows to look at, `schemas.SELECTION`.
        scores: `[rows, keywords]`.
        thresholds: `[keywords]`.
        keywords: those of the scores.
        config: the limits.
    """
    label = CodedColumn.of(selection["label"])
    speaker = CodedColumn.of(selection["speaker_id"]).codes
    is_word = np.asarray(pa.compute.not_equal(selection["role"], "background").to_numpy(), np.bool_)
    skipped = {*keywords, *config.known_labels}
    own = [np.sort(scores[label.among(frozenset({keyword})), number]) for number, keyword in enumerate(keywords)]
    order = np.argsort(label.codes, kind="stable")
    order = order[is_word[order]]
    starts = np.flatnonzero(np.diff(label.codes[order], prepend=-1))
    found: list[tuple[str, str, NDArray[np.int64]]] = []
    for rows in np.split(order, starts[1:]):
        value = label.values[label.codes[rows[0]]] if len(rows) else ""
        if len(rows) < config.hidden_segments or value in skipped or len(set(speaker[rows].tolist())) < LEAST_SPEAKERS:
            continue
        accepted = (scores[rows] >= thresholds).mean(axis=0)
        for number in np.flatnonzero(accepted >= config.hidden_share).tolist():
            if len(own[number]) and _outscored(own[number], scores[rows, number]) <= config.hidden_auc:
                found.append((value, keywords[number], rows))
                break
    if not found:
        return None
    said = [
        f"{text} scores as the keyword {keyword!r}, as do all {len(rows)} of its label"
        for _, keyword, rows in found
        for text in name_rows(selection, rows[: max(1, SHOWN // len(found))])
    ]
    count = sum(len(rows) for _, _, rows in found)
    return Leak("scores", "non-targets score like a keyword across their whole label", count, tuple(said[:SHOWN]))


def _outscored(own: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """The chance that one of the sorted `own` outscores one of `others`, ties counted half."""
    below = np.searchsorted(own, others, side="left") + np.searchsorted(own, others, side="right")
    return float(1 - below.mean() / 2 / len(own))
