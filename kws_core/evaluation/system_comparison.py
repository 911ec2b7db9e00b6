"""Two systems figure by figure, paired where both were judged on the same trials or segments."""

from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.ranking import equal_error_rate, lowest_frr
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap, share
from kws_core.evaluation.streams.measures import StreamEvaluation
from kws_core.evaluation.system_scores import SystemScores
from kws_core.evaluation.tested_rows import TestedRows
from kws_core.evaluation.trial_figures import Measure, trial_figures
from kws_core.evaluation.trials import pair_rows, score_pairs

Verdict = Literal["better", "worse", "no change"]
PRECISION = 1e-9
"""Differences below it are those of floating point."""
_NAN = float("nan")
_MEASURES: dict[str, Measure] = {"EER": equal_error_rate, "FRR at FAR 2 %": partial(lowest_frr, limit=0.02)}


@dataclass(frozen=True)
class FigureComparison:
    """One figure of a system and of its baseline."""

    test_set: str
    measure: str
    ours: Estimate
    theirs: Estimate
    difference: Estimate
    """Ours less theirs; its interval is NaN where the two were not paired."""
    larger_is_better: bool = False
    unit: Literal["share", "an hour"] = "share"

    @property
    def verdict(self) -> Verdict:
        """Of the difference's interval, or of the two intervals where there is none: what they cover is no change."""
        low, high = self.difference.low, self.difference.high
        if isnan(low) or isnan(high):
            low, high = self.ours.low - self.theirs.high, self.ours.high - self.theirs.low
        if low > PRECISION:
            return "better" if self.larger_is_better else "worse"
        if high < -PRECISION:
            return "worse" if self.larger_is_better else "better"
        return "no change"


def compare_on_pairs(
    selection: pa.Table, pairs: pa.Table, ours: SystemScores, theirs: SystemScores, replicates: int, seed: int
) -> list[FigureComparison]:
    """EER and FRR at FAR 2 % of every test list of `pairs`, paired over the resampled speakers."""
    ids = selection["segment_id"].to_pylist()
    speakers = np.array(selection["speaker_id"].to_pylist(), np.str_)
    found = []
    for name in sorted({name for name in pairs["test_set"].to_pylist() if not name.startswith("development ")}):
        chosen = pairs.filter(pc.equal(pairs["test_set"], name))
        left, right = (pair_rows(ids, chosen[side].to_pylist()) for side in ("left", "right"))
        same = np.array(chosen["same"].to_pylist(), np.bool_)
        draws = SpeakerBootstrap(np.concatenate([speakers[left], speakers[right]]), replicates, seed)
        mine, baseline = (
            trial_figures(
                score_pairs(system.embeddings, left, right), same, speakers[left], speakers[right], draws, _MEASURES
            )
            for system in (ours, theirs)
        )
        found += [
            FigureComparison(
                name,
                measure,
                draws.estimate(mine[measure], len(same)),
                draws.estimate(baseline[measure], len(same)),
                draws.estimate(mine[measure] - baseline[measure], len(same)),
            )
            for measure in _MEASURES
        ]
    return found


def compare_on_segments(
    tested: TestedRows,
    ours: SystemScores,
    theirs: SystemScores,
    targets: tuple[str, ...],
    replicates: int,
    seed: int,
) -> list[FigureComparison]:
    """Accuracies at the own thresholds of both, paired; nothing where one of them has no keywords."""
    if ours.backend is None or theirs.backend is None or not len(tested.rows):
        return []
    truth = np.array([targets.index(label) if label in targets else -1 for label in tested.labels.tolist()], np.int64)
    kinds = {
        "keywords accepted": truth >= 0,
        "non-targets rejected": truth < 0,
        "unseen non-targets rejected": (truth < 0) & tested.unseen,
    }
    draws = SpeakerBootstrap(tested.speakers, replicates, seed)
    correct = [system.decisions(tested.rows, targets)[0] == truth for system in (ours, theirs)]
    found = []
    for measure, counted in kinds.items():
        count = int(counted.sum())
        if count:
            mine, baseline = (share(hits, counted, tested.speakers, draws) for hits in correct)
            one, other, apart = (draws.estimate(figure, count) for figure in (mine, baseline, mine - baseline))
            found.append(FigureComparison("test segments", measure, one, other, apart, larger_is_better=True))
    return found


def compare_on_streams(ours: StreamEvaluation | None, theirs: StreamEvaluation | None) -> list[FigureComparison]:
    """Misses and false alarms at the own thresholds, each with its own interval; nothing where one was not measured."""
    if ours is None or theirs is None:
        return []
    mine, baseline = (
        Estimate(rate.per_hour, rate.low, rate.high, rate.count) for rate in (ours.false_alarms, theirs.false_alarms)
    )
    return [
        FigureComparison("streams", "FRR", ours.frr, theirs.frr, _difference(ours.frr, theirs.frr)),
        FigureComparison("streams", "false alarms", mine, baseline, _difference(mine, baseline), unit="an hour"),
    ]


def _difference(ours: Estimate, theirs: Estimate) -> Estimate:
    return Estimate(ours.value - theirs.value, _NAN, _NAN, ours.count)
