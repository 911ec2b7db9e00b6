"""The errors that a system is most sure of: what to listen to first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.evaluation.system_scores import SystemScores
from kws_core.evaluation.tested_rows import TestedRows
from kws_core.evaluation.trials import pair_rows, score_pairs


@dataclass(frozen=True)
class WorstError:
    """One error: `rows` of the selection are its segment, or the two sides of a trial."""

    rows: tuple[int, ...]
    said: str
    """Labels of the rows, joined by " / "."""
    heard: str
    """The keyword that it was taken for, or that came nearest; "" in a trial."""
    margin: float
    """Score less threshold; the cosine of a trial."""
    speakers: tuple[str, ...]


@dataclass(frozen=True)
class WorstErrors:
    """The worst first, in both."""

    false_alarms: tuple[WorstError, ...]
    false_rejections: tuple[WorstError, ...]
    of_trials: bool = False
    """They are of pairs of segments, because the system has no keywords."""


def worst_detections(tested: TestedRows, system: SystemScores, targets: tuple[str, ...], most: int) -> WorstErrors:
    """Segments taken for a keyword that they are not, by rising margin; keywords missed, by falling margin."""
    heard, margins = system.decisions(tested.rows, targets)
    labels = tested.labels.tolist()
    truth = np.array([targets.index(label) if label in targets else -1 for label in labels], np.int64)
    false_alarm = (heard >= 0) & (heard != truth)
    missed = (truth >= 0) & (heard != truth)
    accepted = np.take_along_axis(margins, np.maximum(heard, 0)[:, None], axis=1)[:, 0]
    own = np.take_along_axis(margins, np.maximum(truth, 0)[:, None], axis=1)[:, 0]
    alarms = _first(np.flatnonzero(false_alarm), -accepted, most)
    rejections = _first(np.flatnonzero(missed), own, most)

    def error(place: int, taken_for: int, margin: float) -> WorstError:
        rows, speakers = (int(tested.rows[place]),), (str(tested.speakers[place]),)
        return WorstError(rows, labels[place], targets[taken_for] if taken_for >= 0 else "", margin, speakers)

    return WorstErrors(
        tuple(error(place, int(heard[place]), float(accepted[place])) for place in alarms),
        tuple(error(place, int(heard[place]), float(own[place])) for place in rejections),
    )


def worst_trials(selection: pa.Table, pairs: pa.Table, test_set: str, system: SystemScores, most: int) -> WorstErrors:
    """Trials of different words with the highest cosine, and of the same word with the least."""
    chosen = pairs.filter(pc.equal(pairs["test_set"], test_set))
    ids = selection["segment_id"].to_pylist()
    left, right = (pair_rows(ids, chosen[side].to_pylist()) for side in ("left", "right"))
    same = np.array(chosen["same"].to_pylist(), np.bool_)
    scores = np.asarray(score_pairs(system.embeddings, left, right), np.float64)
    labels, speakers = selection["label"], selection["speaker_id"]

    def errors(places: Sequence[int]) -> tuple[WorstError, ...]:
        found = []
        for place in places:
            rows = int(left[place]), int(right[place])
            words = dict.fromkeys(labels[row].as_py() for row in rows)
            who = tuple(speakers[row].as_py() for row in rows)
            found.append(WorstError(rows, " / ".join(words), "", float(scores[place]), who))
        return tuple(found)

    return WorstErrors(
        errors(_first(np.flatnonzero(~same), -scores, most)),
        errors(_first(np.flatnonzero(same), scores, most)),
        of_trials=True,
    )


def _first(places: NDArray[np.int64], order: NDArray[np.float64], most: int) -> list[int]:
    """Of the places, those of the least `order`, ties by place."""
    return [int(place) for place in places[np.argsort(order[places], kind="stable")][:most]]
