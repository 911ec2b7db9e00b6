"""A bundle on the trials of an experiment beside another one, with what a reader wants to hear and see of it."""

from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.evaluation.candidate import Candidate
from kws_core.evaluation.segment_windows import SegmentWindows
from kws_core.report.evaluation import EvaluationFacts, JudgedSystem
from kws_core.report.examine import compare, examine
from tasks.judge import Trials, judge
from tasks.judge_streams import judge_streams


def examine_bundle(
    trials: Trials,
    experiment: Experiment,
    streams: str,
    system: tuple[str, Bundle],
    baseline: tuple[str, Bundle] | None = None,
) -> EvaluationFacts:
    """Judge a bundle and its baseline, each with its name, and look closer at the first; `streams` may be empty."""
    selection = trials.selection_table()
    pairs = trials.store.read_table(trials.pairs)
    common = selection, pairs, experiment.test_corpora, experiment.selection.keywords
    judged, scores = [], []
    for name, bundle in (system, baseline) if baseline is not None else (system,):
        on_streams = judge_streams(trials.store, streams, bundle, experiment.seed)
        judged.append(JudgedSystem(name, judge(trials, experiment, bundle), on_streams, bundle.description))
        embeddings = trials.embeddings(selection, bundle.encoder_path.read_bytes())
        scores.append(Candidate.of_bundle(name, bundle).scores(embeddings))
    replicates, seed = experiment.evaluation.replicates, experiment.seed
    comparison = (
        compare(*common, scores[0], scores[1], (judged[0].streams, judged[1].streams), replicates=replicates, seed=seed)
        if baseline is not None
        else ()
    )
    windows = SegmentWindows(trials.store, trials.segments, selection)
    found = examine(*common, scores[0], windows, experiment.report, comparison=comparison, seed=seed)
    return EvaluationFacts(judged[0], judged[1] if baseline is not None else None, found)
