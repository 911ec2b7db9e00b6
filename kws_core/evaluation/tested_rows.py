"""The test segments of a selection, and what each back end of a system makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.thresholds import decide
from kws_core.evaluation.detection import DetectionSummary, summarise_detection
from kws_core.evaluation.open_set import OpenSetSummary, summarise_open_set

TEST_SET = "test speakers"


@dataclass(frozen=True, eq=False)
class TestedRows:
    """Words of the test speakers, those of test corpora and background left out."""

    __test__ = False  # no test class, whatever its name

    rows: NDArray[np.int64]
    """Of the selection."""
    labels: NDArray[np.str_]
    speakers: NDArray[np.str_]
    unseen: NDArray[np.bool_]
    """Labels that nobody trained on."""
    hours: float
    """Of the words."""


@dataclass(frozen=True, eq=False)
class BackendResult:
    """One back end on all tested rows."""

    detection: DetectionSummary
    open_set: OpenSetSummary
    target: NDArray[np.bool_]
    correct: NDArray[np.bool_]
    """Decided as the own keyword, or rejected where there is none."""
    margins: NDArray[np.float64]
    """Score less threshold: of its own keyword where a row is of one, else of the keyword that comes closest."""


def tested_words(selection: pa.Table, test_corpora: frozenset[str]) -> TestedRows:
    """The rows that detection is measured on."""
    tested = np.array(selection["split"].to_pylist()) == "test"
    tested &= ~np.isin(np.array(selection["corpus"].to_pylist()), sorted(test_corpora))
    tested &= np.array(selection["role"].to_pylist()) != "background"
    rows = np.flatnonzero(tested)
    return TestedRows(
        rows,
        labels=np.array(selection["label"].to_pylist(), np.str_)[rows],
        speakers=np.array(selection["speaker_id"].to_pylist(), np.str_)[rows],
        unseen=np.asarray(selection["label_id"].to_numpy()[rows] < 0, np.bool_),
        hours=float(selection["word_s"].to_numpy()[rows].sum()) / 3600,
    )


def backend_results(
    selection: pa.Table,
    tested: TestedRows,
    embeddings: NDArray[np.float32],
    backends: Mapping[str, Backend],
    thresholds: Mapping[str, NDArray[np.float64]],
    targets: tuple[str, ...],
    seed: int,
    replicates: int,
    confusable_distance: float,
) -> list[BackendResult]:
    """Judge every back end; see `system.evaluate_system` for the arguments."""
    places = {keyword: place for place, keyword in enumerate(targets)}
    truth = np.array([places.get(label, -1) for label in tested.labels.tolist()], np.int64)
    results = []
    for name, backend in backends.items():
        scores = backend.score(embeddings[tested.rows])
        decided = decide(scores, thresholds[name])
        # keywords of a system that are not asked for here count as rejections
        translated = np.array([places.get(keyword, -1) for keyword in backend.keywords] + [-1])[decided]
        ours, limits = _translated(scores, np.asarray(thresholds[name]), backend.keywords, targets)
        detection = summarise_detection(
            translated,
            truth,
            tested.unseen & (truth < 0),
            tested.speakers,
            targets,
            test_set=TEST_SET,
            backend=name,
            replicates=replicates,
            seed=seed,
        )
        open_set = summarise_open_set(
            ours,
            translated,
            tested.labels,
            tested.unseen & (truth < 0),
            tested.speakers,
            targets,
            test_set=TEST_SET,
            backend=name,
            hours=tested.hours,
            most_distance=confusable_distance,
            replicates=replicates,
            seed=seed,
        )
        margins = ours - limits
        own = np.take_along_axis(margins, np.maximum(truth, 0)[:, None], axis=1)[:, 0]
        nearest = np.where(truth >= 0, own, margins.max(axis=1))
        results.append(BackendResult(detection, open_set, truth >= 0, translated == truth, nearest))
    return results


def _translated(
    scores: NDArray[np.float32], thresholds: NDArray[np.float64], keywords: tuple[str, ...], targets: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores `[rows, targets]` and thresholds `[targets]`; a target that the system lacks scores least of all."""
    lowest = float(np.finfo(np.float32).min)
    ours, limits = np.full((len(scores), len(targets)), lowest), np.zeros(len(targets))
    for place, target in enumerate(targets):
        if target in keywords:
            ours[:, place] = scores[:, keywords.index(target)]
            limits[place] = thresholds[keywords.index(target)]
    return ours, limits
