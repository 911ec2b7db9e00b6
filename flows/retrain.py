"""The whole line as one Prefect flow: one task a stage, fingerprints in between."""

from dataclasses import dataclass

from prefect import flow

from flows.make_candidate import make_candidate
from flows.make_datasets import make_datasets
from kws_core.config import Experiment
from kws_core.evaluation.system import SystemEvaluation
from kws_core.gate import Decision
from tasks.package import read_evaluation
from tasks.places import Places
from tasks.promote import promote
from tasks.publish_report import publish_report


@dataclass(frozen=True)
class RetrainResult:
    """What a retrain leaves behind."""

    version: str
    decision: Decision
    evaluation: SystemEvaluation
    bundle_key: str
    report: str


@flow(name="retrain", validate_parameters=False, persist_result=False)
def retrain(places: Places, experiment: Experiment) -> RetrainResult:
    """Recordings to a registered, gated keyword spotter; what exists is not computed again."""
    datasets = make_datasets(places, experiment)
    made = make_candidate(places, experiment, datasets)
    segments, streams = datasets.corpora.segments, made.streams.test
    judged = (places, made.experiment, segments, made.given, made.bundle_key)
    decision = promote(*judged, made.version, streams)
    facts = vars(datasets.corpora) | {"streams": streams}
    keys = {"search": made.search_key, "encoder": made.encoder_key, "bundle": made.bundle_key}
    keys |= {"data_leaks": datasets.leaks, "model_leaks": made.leaks}
    report = publish_report(places, made.experiment, facts, made.given, keys, made.version, decision)
    return RetrainResult(made.version, decision, read_evaluation(*judged), made.bundle_key, report)
