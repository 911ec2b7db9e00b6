"""One evaluation for every model: the same trials and the same segments, whoever is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter

from kws_core.backends.backend import Backend
from kws_core.backends.thresholds import decide
from kws_core.evaluation.det import DetCurve, det_curve
from kws_core.evaluation.detection import DetectionSummary, summarise_detection
from kws_core.evaluation.trials import TrialSummary, pair_rows, score_pairs, summarise_trials

# A DET curve is stored with this many points at most, evenly spaced along the curve.
STORED_POINTS = 400


@dataclass(frozen=True)
class SystemEvaluation:
    """Figures of one system on the test speakers."""

    trials: tuple[TrialSummary, ...]
    detection: tuple[DetectionSummary, ...]
    curves: dict[str, tuple[tuple[float, float, float], ...]]
    """By pair list: points (threshold, FAR, FRR) of the DET curve."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a document."""
        plain: dict[str, Any] = TypeAdapter(SystemEvaluation).dump_python(self, mode="json")
        return plain

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "SystemEvaluation":
        """The evaluation of a document."""
        return TypeAdapter(cls).validate_python(document)

    def metrics(self) -> dict[str, float]:
        """Named figures, shares in [0, 1], as the bundle and the registry keep them."""
        figures = {}
        for trial in self.trials:
            name = trial.test_set.replace(" ", "_").replace("-", "_")
            figures[f"{name}.eer"] = trial.eer
            figures[f"{name}.frr_at_far_2"] = trial.frr_at_far_2
        for summary in self.detection:
            figures[f"{summary.backend}.target_accuracy"] = summary.target.value
            figures[f"{summary.backend}.non_target_accuracy"] = summary.non_target.value
            if summary.unseen_non_target.count:
                figures[f"{summary.backend}.unseen_non_target_accuracy"] = summary.unseen_non_target.value
        return figures

    def det_curves(self) -> dict[str, DetCurve]:
        """The stored curves, by pair list."""
        return {name: DetCurve(*np.array(points, np.float64).T) for name, points in self.curves.items()}


def evaluate_system(
    selection: pa.Table,
    pairs: pa.Table,
    embeddings: NDArray[np.float32],
    backends: Mapping[str, Backend],
    thresholds: Mapping[str, NDArray[np.float64]],
    test_corpora: frozenset[str],
    targets: tuple[str, ...],
    seed: int,
) -> SystemEvaluation:
    """Measure one system on every test pair list and every test segment, with intervals over speakers.

    Args:
        selection: `schemas.SELECTION`.
        pairs: `schemas.PAIRS`; development lists are left out.
        embeddings: `[rows of the selection, dim]`, L2-normalised.
        backends: the system's back ends.
        thresholds: per back end, `[keywords]`.
        test_corpora: only trials are measured on them.
        targets: the keywords that count as targets; one that the system does not know is missed.
        seed: of the bootstrap.
    """
    ids = selection["segment_id"].to_pylist()
    speakers = np.array(selection["speaker_id"].to_pylist())
    summaries, curves = [], {}
    for name in sorted({name for name in pairs["test_set"].to_pylist() if not name.startswith("development ")}):
        chosen = pairs.filter(pa.compute.equal(pairs["test_set"], name))
        left, right = (pair_rows(ids, chosen[side].to_pylist()) for side in ("left", "right"))
        same = np.array(chosen["same"].to_pylist())
        scores = score_pairs(embeddings, left, right)
        policy = chosen["speaker_policy"][0].as_py()
        summaries.append(
            summarise_trials(
                scores, same, speakers[left], speakers[right], test_set=name, speaker_policy=policy, seed=seed
            )
        )
        curves[name] = _points(det_curve(scores, same))
    detection = _detection(selection, embeddings, backends, thresholds, test_corpora, targets, seed)
    return SystemEvaluation(tuple(summaries), detection, curves)


def _detection(
    selection: pa.Table,
    embeddings: NDArray[np.float32],
    backends: Mapping[str, Backend],
    thresholds: Mapping[str, NDArray[np.float64]],
    test_corpora: frozenset[str],
    targets: tuple[str, ...],
    seed: int,
) -> tuple[DetectionSummary, ...]:
    tested = np.array(selection["split"].to_pylist()) == "test"
    tested &= ~np.isin(np.array(selection["corpus"].to_pylist()), sorted(test_corpora))
    tested &= np.array(selection["role"].to_pylist()) != "background"
    labels = np.array(selection["label"].to_pylist())[tested]
    speakers = np.array(selection["speaker_id"].to_pylist())[tested]
    unseen = np.array(selection["label_id"].to_pylist())[tested] < 0
    places = {keyword: place for place, keyword in enumerate(targets)}
    truth = np.array([places.get(label, -1) for label in labels.tolist()])
    summaries = []
    for name, backend in backends.items():
        decided = decide(backend.score(embeddings[tested]), thresholds[name])
        # keywords of a system that are not asked for here count as rejections
        translated = np.array([places.get(keyword, -1) for keyword in backend.keywords] + [-1])[decided]
        summaries.append(
            summarise_detection(
                translated, truth, unseen, speakers, targets, test_set="test speakers", backend=name, seed=seed
            )
        )
    return tuple(summaries)


def _points(curve: DetCurve) -> tuple[tuple[float, float, float], ...]:
    finite = np.nan_to_num(curve.thresholds, posinf=2.0, neginf=-2.0)
    # spaced along both error rates, so that the steep ends keep their shape
    distance = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(curve.far), np.diff(curve.frr)))])
    wanted = np.linspace(0, distance[-1], STORED_POINTS)
    kept = np.unique(np.clip(np.searchsorted(distance, wanted), 0, len(distance) - 1))
    stacked = np.stack([finite, curve.far, curve.frr], axis=1)[kept]
    return tuple((float(a), float(b), float(c)) for a, b, c in stacked)
