"""What a challenger and the champion did on the same trials, segments and streams."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.config import GateConfig
from kws_core.errors import EvaluationError
from kws_core.evaluation.det import det_curve
from kws_core.evaluation.group_losses import GroupLoss, group_losses
from kws_core.evaluation.poisson import HourlyRate
from kws_core.evaluation.streams.measures import StreamEvaluation
from kws_core.evaluation.system_comparison import FigureComparison, compare_on_pairs, compare_on_segments
from kws_core.evaluation.system_groups import OPERATING_FAR
from kws_core.evaluation.system_scores import SystemScores
from kws_core.evaluation.tested_rows import tested_words
from kws_core.evaluation.trials import pair_rows, score_pairs

MEASURE = "FRR at FAR 2 %"


@dataclass(frozen=True)
class Evidence:
    """Everything that the gate looks at; empty where something could not be measured."""

    primary: FigureComparison
    """FRR at FAR 2 % on the trials that decide."""
    accuracies: tuple[FigureComparison, ...] = ()
    """Of the keywords, and of the words that should be rejected, at the own thresholds."""
    keywords: tuple[GroupLoss, ...] = ()
    """The largest loss first; none of an encoder without keywords."""
    speakers: tuple[GroupLoss, ...] = ()
    false_alarms: tuple[HourlyRate, HourlyRate] | None = None
    """On the same streams: the challenger's and the champion's."""


def gather_evidence(
    selection: pa.Table,
    pairs: pa.Table,
    test_corpora: frozenset[str],
    targets: tuple[str, ...],
    challenger: SystemScores,
    champion: SystemScores,
    streams: tuple[StreamEvaluation | None, StreamEvaluation | None],
    gate: GateConfig,
    seed: int,
) -> Evidence:
    """Judge two systems on the same test rows.

    Args:
        selection: `schemas.SELECTION`.
        pairs: `schemas.PAIRS`.
        test_corpora: only trials are measured on them.
        targets: the keywords that count; none where encoders for enrolment are judged.
        challenger: its embeddings are of the rows of the selection.
        champion: as well.
        streams: what either did on the streams, if anything.
        gate: how often the speakers are resampled.
        seed: of the resampling.

    Raises:
        EvaluationError: there are no trials of the list that decides.
    """
    name = "in-vocabulary" if targets else "out-of-vocabulary"
    chosen = pairs.filter(pc.equal(pairs["test_set"], name))
    if not chosen.num_rows:
        raise EvaluationError(f"the gate needs {name} trials, and there are none: too few speakers share words")
    figures = compare_on_pairs(selection, chosen, challenger, champion, gate.replicates, seed)
    (primary,) = (figure for figure in figures if figure.measure == MEASURE)
    if not targets:
        return Evidence(primary, speakers=_speakers_of_trials(selection, chosen, challenger, champion))
    tested = tested_words(selection, test_corpora)
    accuracies = compare_on_segments(tested, challenger, champion, targets, gate.replicates, seed)
    keywords: tuple[GroupLoss, ...] = ()
    speakers: tuple[GroupLoss, ...] = ()
    if accuracies:  # both have keywords
        said = np.isin(tested.labels, targets)
        truth = np.array([targets.index(label) for label in tested.labels[said].tolist()], np.int64)
        ours, theirs = (system.decisions(tested.rows[said], targets)[0] == truth for system in (challenger, champion))
        keywords = group_losses(tested.labels[said], ours, theirs)
        speakers = group_losses(tested.speakers[said], ours, theirs)
    rates = None
    if streams[0] is not None and streams[1] is not None:
        rates = streams[0].false_alarms, streams[1].false_alarms
    return Evidence(primary, tuple(accuracies), keywords, speakers, rates)


def _speakers_of_trials(
    selection: pa.Table, pairs: pa.Table, challenger: SystemScores, champion: SystemScores
) -> tuple[GroupLoss, ...]:
    """Same trials that are accepted at FAR 2 %, each counted for the speakers of both its sides."""
    ids = selection["segment_id"].to_pylist()
    speakers = np.array(selection["speaker_id"].to_pylist(), np.str_)
    left, right = (pair_rows(ids, pairs[side].to_pylist()) for side in ("left", "right"))
    same = np.array(pairs["same"].to_pylist(), np.bool_)
    accepted = [_accepted(score_pairs(system.embeddings, left, right), same) for system in (challenger, champion)]
    left, right, ours, theirs = left[same], right[same], accepted[0][same], accepted[1][same]
    other = speakers[left] != speakers[right]
    people = np.concatenate([speakers[left], speakers[right][other]])
    return group_losses(people, *(np.concatenate([one, one[other]]) for one in (ours, theirs)))


def _accepted(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    curve = det_curve(scores, same)
    accepted: NDArray[np.bool_] = scores >= curve.thresholds[np.argmax(curve.far <= OPERATING_FAR)]
    return accepted
