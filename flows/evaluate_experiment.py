"""Systems on the trials of an experiment, as Prefect flows: the data stages that retrain has, then the judges."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from flows.make_datasets import cut_corpora
from kws_core.config import Experiment
from kws_core.evaluation.candidate import Candidate
from kws_core.report.comparison import ComparedSystem
from kws_core.report.evaluation import EvaluationFacts
from tasks import evaluate as stages
from tasks.evaluate import TrialKeys
from tasks.link_report import link_report
from tasks.places import Places
from tasks.select import select
from tasks.streams import make_streams


@flow(name="evaluate", validate_parameters=False, persist_result=False)
def evaluate(
    places: Places, experiment: Experiment, candidates: Sequence[Candidate], page: Path
) -> tuple[EvaluationFacts, dict[str, str]]:
    """Judge a bundle and, beside it, a second one; returns fingerprints of the trials too. `page` is linked."""
    keys = _trials(places, experiment)
    baseline = candidates[1] if len(candidates) > 1 else None
    facts = stages.evaluate(places, experiment, keys, candidates[0], baseline)
    link_report(None, page.resolve(), experiment.name, candidates[0].name, "evaluation")
    return facts, keys.model_dump()


@flow(name="compare", validate_parameters=False, persist_result=False)
def compare(
    places: Places, experiment: Experiment, candidates: Sequence[Candidate], page: Path
) -> tuple[list[ComparedSystem], dict[str, str]]:
    """Judge systems against the first; returns fingerprints of the trials too. `page` is linked."""
    keys = _trials(places, experiment)
    systems = stages.compare_candidates(places, experiment, keys, candidates)
    link_report(None, page.resolve(), experiment.name, ", ".join(each.name for each in candidates), "comparison")
    return systems, keys.model_dump()


def _trials(places: Places, experiment: Experiment) -> TrialKeys:
    """What exists is not computed again."""
    made = cut_corpora(places, experiment)
    selection, pairs = select(places, experiment, made.segments)
    streams = make_streams(places, experiment, made.utterances, made.words, made.segments, selection)
    return TrialKeys(segments=made.segments, selection=selection, pairs=pairs, streams=streams.test)
