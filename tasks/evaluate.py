"""Candidates on the trials of an experiment."""

import time
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from kws_core.config import Experiment
from kws_core.errors import BundleError
from kws_core.evaluation.candidate import Candidate
from kws_core.evaluation.segment_windows import SegmentWindows
from kws_core.evaluation.system import evaluate_system
from kws_core.evaluation.system_scores import SystemScores
from kws_core.report.comparison import ComparedSystem
from kws_core.report.evaluation import EvaluationFacts, JudgedSystem
from kws_core.report.examine import compare
from tasks.examine import examine_bundle
from tasks.judge import Trials, judge
from tasks.places import Places
from tasks.stage import stage_task


class TrialKeys(BaseModel):
    """Fingerprints of what an experiment judges models on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: str
    selection: str
    pairs: str
    streams: str = ""

    def open(self, places: Places) -> Trials:
        """The datasets."""
        return Trials(places.store(), self.segments, self.selection, self.pairs)


@stage_task("evaluate")
def evaluate(
    places: Places, experiment: Experiment, keys: TrialKeys, system: Candidate, baseline: Candidate | None
) -> EvaluationFacts:
    """Judge a bundle, and another beside it; raises `BundleError` for an encoder that is no bundle."""
    named = []
    for candidate in (system, *([baseline] if baseline is not None else [])):
        if candidate.bundle is None:
            raise BundleError(f"{candidate.name}: no bundle of ours; set it beside others with kws compare")
        named.append((candidate.name, candidate.bundle))
    trials = keys.open(places)
    return examine_bundle(trials, experiment, keys.streams, named[0], named[1] if baseline is not None else None)


@stage_task("compare")
def compare_candidates(
    places: Places, experiment: Experiment, keys: TrialKeys, candidates: Sequence[Candidate]
) -> list[ComparedSystem]:
    """Judge all candidates, each against the first; those that are no bundles hear the test segments here."""
    trials = keys.open(places)
    whole = trials.selection_table()
    tested = pc.equal(whole["split"], "test")
    for corpus in sorted(experiment.test_corpora):
        tested = pc.or_(tested, pc.equal(whole["corpus"], corpus))
    rows = np.flatnonzero(tested.to_numpy())
    selection = whole.take(rows)
    all_pairs = trials.store.read_table(trials.pairs)
    pairs = all_pairs.filter(pc.invert(pc.starts_with(all_pairs["test_set"], "development ")))
    windows, targets = SegmentWindows(trials.store, trials.segments, selection), experiment.selection.keywords
    common = selection, pairs, experiment.test_corpora, targets
    replicates, seed = experiment.evaluation.replicates, experiment.seed
    scores, found = list[SystemScores](), list[ComparedSystem]()
    for candidate in candidates:
        started, heard = time.process_time(), selection.num_rows
        if candidate.bundle is None:
            embeddings = candidate.embed(windows, heard)
            evaluation = evaluate_system(
                selection,
                pairs,
                embeddings,
                {},
                {},
                experiment.test_corpora,
                targets,
                seed,
                experiment.evaluation,
                confusable_distance=experiment.selection.confusable_distance,
            )
        else:
            embeddings = trials.embeddings(whole, candidate.bundle.encoder_path.read_bytes())[rows]
            evaluation = judge(trials, experiment, candidate.bundle)
            heard = min(heard, 64)  # the embeddings came from workers, or were there already
            started = time.process_time()
            candidate.embed(windows, heard)
        window_ms = 1000 * (time.process_time() - started) / max(heard, 1)
        scores.append(candidate.scores(embeddings))
        against = compare(*common, scores[-1], scores[0], replicates=replicates, seed=seed) if found else ()
        judged = JudgedSystem(candidate.name, evaluation, None, candidate.description)
        found.append(ComparedSystem(judged, embeddings.shape[1], window_ms, against))
    return found
