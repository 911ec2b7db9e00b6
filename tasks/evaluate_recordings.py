"""Candidates on a user's own recordings: neither Prefect nor Ray, no store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kws_core.config import EvaluationConfig
from kws_core.config.report import ReportConfig
from kws_core.evaluation.candidate import Candidate
from kws_core.evaluation.recordings import RecordedTrials
from kws_core.evaluation.system import evaluate_system
from kws_core.evaluation.system_comparison import FigureComparison
from kws_core.evaluation.system_scores import SystemScores
from kws_core.fingerprint import fingerprint
from kws_core.report.comparison import ComparedSystem
from kws_core.report.evaluation import EvaluationFacts, JudgedSystem
from kws_core.report.examine import compare, examine

REPLICATES, SEED = 1000, 0
NO_CORPORA = frozenset[str]()


@dataclass(frozen=True, eq=False)
class JudgedCandidate:
    """A candidate, its embeddings `[recordings, dim]`, its figures, and processor time of a window."""

    candidate: Candidate
    embeddings: NDArray[np.float32]
    judged: JudgedSystem
    window_ms: float


def evaluate_recordings(
    trials: RecordedTrials, system: Candidate, baseline: Candidate | None = None
) -> EvaluationFacts:
    """Judge a candidate, and a baseline beside it; the keywords of the candidate are the targets."""
    targets = system.keywords
    judged = [judge_recordings(trials, one, targets) for one in (system, *([baseline] if baseline else []))]
    first = judged[0]
    common = trials.selection, trials.pairs, NO_CORPORA, targets
    comparison = compare_candidates(trials, first, judged[1], targets) if len(judged) > 1 else ()
    found = examine(
        *common,
        system.scores(first.embeddings),
        trials.windows,
        ReportConfig(),
        comparison=comparison,
        seed=SEED,
    )
    return EvaluationFacts(first.judged, judged[1].judged if len(judged) > 1 else None, found)


def compare_recordings(trials: RecordedTrials, candidates: Sequence[Candidate]) -> list[ComparedSystem]:
    """Judge all candidates, each against the first; the first one's keywords are the targets."""
    targets = candidates[0].keywords
    judged = [judge_recordings(trials, candidate, targets) for candidate in candidates]
    return [
        ComparedSystem(
            one.judged,
            one.embeddings.shape[1],
            one.window_ms,
            compare_candidates(trials, one, judged[0], targets) if number else (),
        )
        for number, one in enumerate(judged)
    ]


def judge_recordings(trials: RecordedTrials, candidate: Candidate, targets: tuple[str, ...]) -> JudgedCandidate:
    """Embed and measure; back ends only where both keywords and other words are among the recordings."""
    started = time.process_time()
    embeddings = candidate.embed(trials.windows, trials.selection.num_rows)
    window_ms = 1000 * (time.process_time() - started) / max(len(embeddings), 1)
    labels = np.array(trials.selection["label"].to_pylist(), np.str_)
    is_target = np.isin(labels, targets)
    remarks = ["words that are no keyword count as out of vocabulary: what a model was trained on is not known here"]
    decides = bool(candidate.keywords) and is_target.any() and not is_target.all()
    if candidate.keywords and not decides:
        remarks.append("detection: recordings of keywords and of other words are needed, and one of both is missing")
    evaluation = evaluate_system(
        trials.selection,
        trials.pairs,
        embeddings,
        candidate.backends() if decides else {},
        candidate.thresholds(),
        NO_CORPORA,
        targets,
        SEED,
        EvaluationConfig(replicates=REPLICATES),
        trials.snr_db,
    )
    judged = JudgedSystem(
        candidate.name, replace(evaluation, remarks=tuple(remarks)), None, candidate.description if decides else None
    )
    return JudgedCandidate(candidate, embeddings, judged, window_ms)


def compare_candidates(
    trials: RecordedTrials, ours: JudgedCandidate, theirs: JudgedCandidate, targets: tuple[str, ...]
) -> tuple[FigureComparison, ...]:
    """Every figure of one candidate beside that of another; of detection only where both were measured."""
    one, other = (
        each.candidate.scores(each.embeddings)
        if each.judged.description is not None
        else SystemScores(each.judged.name, each.embeddings)
        for each in (ours, theirs)
    )
    return compare(trials.selection, trials.pairs, NO_CORPORA, targets, one, other, replicates=REPLICATES, seed=SEED)


def trials_fingerprint(trials: RecordedTrials) -> str:
    """Of the recordings, their labels and the pairs that were drawn."""
    pairs = fingerprint(*[trials.pairs[name].to_pylist() for name in trials.pairs.column_names])
    named = [trials.selection[name].to_pylist() for name in ("speaker_id", "label")]
    return fingerprint(list(trials.digests), *named, pairs)
