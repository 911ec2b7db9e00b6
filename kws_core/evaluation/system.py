"""One evaluation for every model: the same trials and the same segments, whoever is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter

from kws_core.backends.backend import Backend
from kws_core.config import EvaluationConfig
from kws_core.evaluation.det import DetCurve, det_curve
from kws_core.evaluation.detection import DetectionSummary
from kws_core.evaluation.few_shot import FewShotSummary, summarise_few_shot
from kws_core.evaluation.groups import GroupSummary
from kws_core.evaluation.open_set import OpenSetSummary
from kws_core.evaluation.system_groups import detection_groups, trial_groups
from kws_core.evaluation.tested_rows import TestedRows, backend_results, tested_words
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
    open_set: tuple[OpenSetSummary, ...] = ()
    """Of every back end; none for an encoder without keywords, as of `detection`."""
    few_shot: tuple[FewShotSummary, ...] = ()
    groups: tuple[GroupSummary, ...] = ()
    remarks: tuple[str, ...] = ()
    """What could not be measured, and why."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a document."""
        plain: dict[str, Any] = TypeAdapter(SystemEvaluation).dump_python(self, mode="json")
        return plain

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "SystemEvaluation":
        """The evaluation of a document."""
        return TypeAdapter(cls).validate_python(document)

    def metrics(self) -> dict[str, float]:
        """Named figures, as the bundle and the registry keep them; what could not be measured is left out."""
        figures = {}
        for trial in self.trials:
            name = trial.test_set.replace(" ", "_").replace("-", "_")
            figures.update({f"{name}.{measure}": found.value for measure, found in trial.figures.items()})
        for summary in self.detection:
            figures[f"{summary.backend}.target_accuracy"] = summary.target.value
            figures[f"{summary.backend}.non_target_accuracy"] = summary.non_target.value
            if summary.unseen_non_target.count:
                figures[f"{summary.backend}.unseen_non_target_accuracy"] = summary.unseen_non_target.value
        for recognised in self.open_set:
            for ratio, found in recognised.mean_average_precision.items():
                if found.count:
                    figures[f"{recognised.backend}.map_{ratio.replace(':', '_to_')}"] = found.value
        for learnt in self.few_shot:
            if learnt.accuracy.count:
                name = f"few_shot.{learnt.test_set.replace('-', '_')}.{learnt.shots}_shot"
                figures[f"{name}.accuracy"] = learnt.accuracy.value
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
    config: EvaluationConfig | None = None,
    snr_db: NDArray[np.float64] | None = None,
    confusable_distance: float = 0.35,
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
        seed: of the bootstrap and of the episodes.
        config: how much is drawn; None for the defaults.
        snr_db: `[rows of the selection]`, estimated; None where it is not known.
        confusable_distance: see `SelectionConfig`.
    """
    config = config or EvaluationConfig()
    snr_db = np.full(selection.num_rows, np.nan) if snr_db is None else snr_db
    ids = selection["segment_id"].to_pylist()
    speakers = np.array(selection["speaker_id"].to_pylist())
    word_s = selection["word_s"].to_numpy()
    summaries, curves, groups = [], {}, []
    for name in sorted({name for name in pairs["test_set"].to_pylist() if not name.startswith("development ")}):
        chosen = pairs.filter(pa.compute.equal(pairs["test_set"], name))
        left, right = (pair_rows(ids, chosen[side].to_pylist()) for side in ("left", "right"))
        same = np.array(chosen["same"].to_pylist())
        scores = score_pairs(embeddings, left, right)
        summaries.append(
            summarise_trials(
                scores,
                same,
                speakers[left],
                speakers[right],
                test_set=name,
                speaker_policy=chosen["speaker_policy"][0].as_py(),
                hours=float(word_s[np.union1d(left, right)].sum()) / 3600,
                replicates=config.replicates,
                seed=seed,
            )
        )
        curves[name] = _points(det_curve(scores, same))
        if not backends and name == "out-of-vocabulary":  # what an encoder for enrolment is judged by
            groups = trial_groups(selection, snr_db, left, right, same, scores, name, config.replicates, seed)
    tested = tested_words(selection, test_corpora)
    results = backend_results(
        selection, tested, embeddings, backends, thresholds, targets, seed, config.replicates, confusable_distance
    )
    for result in results:
        groups += detection_groups(selection, snr_db, tested, result, config.replicates, seed)
    measured = {summary.test_set for summary in summaries}
    return SystemEvaluation(
        tuple(summaries),
        tuple(result.detection for result in results),
        curves,
        open_set=tuple(result.open_set for result in results),
        few_shot=_few_shot(selection, embeddings, tested, config, seed),
        groups=tuple(groups),
        remarks=tuple(said for name, said in _MISSING.items() if name not in measured),
    )


_MISSING = {
    "in-vocabulary": "in-vocabulary: no trials, because too few test speakers share trained words",
    "out-of-vocabulary": "out-of-vocabulary: no trials, because too few test speakers share words that are not trained",
    "confusable": "confusable: no two words of the test speakers sound alike",
}


def _few_shot(
    selection: pa.Table, embeddings: NDArray[np.float32], tested: TestedRows, config: EvaluationConfig, seed: int
) -> tuple[FewShotSummary, ...]:
    """Episodes of words that training used, and of words that it did not."""
    found: list[FewShotSummary] = []
    word_s = selection["word_s"].to_numpy()
    for name, unseen in (("in-vocabulary", False), ("out-of-vocabulary", True)):
        own = tested.unseen == unseen
        found += summarise_few_shot(
            embeddings[tested.rows[own]],
            tested.labels[own],
            tested.speakers[own],
            config.few_shot,
            test_set=name,
            hours=float(word_s[tested.rows[own]].sum()) / 3600,
            replicates=config.replicates,
            seed=seed,
        )
    return tuple(found)


def _points(curve: DetCurve) -> tuple[tuple[float, float, float], ...]:
    finite = np.nan_to_num(curve.thresholds, posinf=2.0, neginf=-2.0)
    # spaced along both error rates, so that the steep ends keep their shape
    distance = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(curve.far), np.diff(curve.frr)))])
    wanted = np.linspace(0, distance[-1], STORED_POINTS)
    kept = np.unique(np.clip(np.searchsorted(distance, wanted), 0, len(distance) - 1))
    stacked = np.stack([finite, curve.far, curve.frr], axis=1)[kept]
    return tuple((float(a), float(b), float(c)) for a, b, c in stacked)
