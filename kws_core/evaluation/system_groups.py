"""The groups that a system is measured by: speaker, corpus, duration and estimated SNR."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.evaluation.det import det_curve
from kws_core.evaluation.groups import GroupSummary, duration_groups, snr_groups, summarise_groups
from kws_core.evaluation.tested_rows import BackendResult, TestedRows

OPERATING_FAR = 0.02
"""Of trials, where there is no calibrated threshold."""


def detection_groups(
    selection: pa.Table,
    snr_db: NDArray[np.float64],
    tested: TestedRows,
    result: BackendResult,
    replicates: int,
    seed: int,
) -> list[GroupSummary]:
    """FRR of keywords at the calibrated thresholds, and EER of keywords against all other words."""
    return [
        summarise_groups(
            groups,
            result.target,
            ~result.correct,
            result.margins,
            tested.speakers,
            kind=kind,
            system=result.detection.backend,
            word_s=selection["word_s"].to_numpy()[tested.rows],
            replicates=replicates,
            seed=seed,
        )
        for kind, groups in _kinds(selection, snr_db, tested.rows).items()
    ]


def trial_groups(
    selection: pa.Table,
    snr_db: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    same: NDArray[np.bool_],
    scores: NDArray[np.floating[Any]],
    test_set: str,
    replicates: int,
    seed: int,
) -> list[GroupSummary]:
    """FRR at the threshold of FAR 2 %, and EER, of the trials that a group has a side in."""
    curve = det_curve(scores, same)
    threshold = curve.thresholds[np.argmax(curve.far <= OPERATING_FAR)]
    rows = np.concatenate([left, right])
    twice = np.tile(scores, 2)
    word_s = np.zeros(len(rows))
    once = np.unique(rows, return_index=True)[1]
    word_s[once] = selection["word_s"].to_numpy()[rows[once]]
    speakers = np.array(selection["speaker_id"].take(pa.array(rows)).to_pylist(), np.str_)
    return [
        summarise_groups(
            groups,
            np.tile(same, 2),
            twice < threshold,
            twice,
            speakers,
            kind=kind,
            system=test_set,
            word_s=word_s,
            replicates=replicates,
            seed=seed,
        )
        for kind, groups in _kinds(selection, snr_db, rows).items()
    ]


def _kinds(selection: pa.Table, snr_db: NDArray[np.float64], rows: NDArray[np.int64]) -> dict[str, NDArray[np.str_]]:
    """The group of each of the rows, by kind."""
    chosen = selection.select(["speaker_id", "corpus", "word_s"]).take(pa.array(rows))
    return {
        "speaker": np.array(chosen["speaker_id"].to_pylist(), np.str_),
        "corpus": np.array(chosen["corpus"].to_pylist(), np.str_),
        "duration": duration_groups(chosen["word_s"].to_numpy()),
        "SNR": snr_groups(snr_db[rows]),
    }
