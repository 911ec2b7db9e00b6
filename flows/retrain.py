"""The whole line as one Prefect flow: one task a stage, fingerprints in between."""

from dataclasses import dataclass

from prefect import flow

from kws_core.config import Experiment
from kws_core.evaluation.system import SystemEvaluation
from kws_core.gate import Decision
from tasks.align import align
from tasks.bucket import bucket
from tasks.check_leaks import check_data_leaks, check_model_leaks
from tasks.cut import cut
from tasks.featurise import featurise
from tasks.ingest import ingest
from tasks.package import package, read_evaluation
from tasks.places import Places
from tasks.promote import promote
from tasks.publish_report import publish_report
from tasks.refit import refit
from tasks.register import register
from tasks.search import search
from tasks.select import select
from tasks.streams import make_streams
from tasks.training_input import TrainingInput
from tasks.warm_start import warm_start


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
    utterances = ingest(places, experiment)
    words = align(places, experiment, utterances)
    segments = cut(places, experiment, utterances, words)
    features = featurise(places, experiment, segments)
    selection, pairs = select(places, experiment, segments)
    sound = segments if experiment.training.input == "waveforms" else ""
    noise = utterances if experiment.noise_corpora else ""
    given = TrainingInput(features=features, selection=selection, pairs=pairs, segments=sound, noise=noise)
    data_leaks = check_data_leaks(places, experiment, segments, given)
    if experiment.training.data == "stream":
        given = given.model_copy(update={"buckets": bucket(places, experiment, sound or features, selection)})
    experiment = warm_start(places, experiment, given)
    search_key = search(places, experiment, given)
    encoder_key = refit(places, experiment, given, search_key)
    streams = make_streams(places, experiment, utterances, words, segments, selection)
    bundle_key = package(places, experiment, segments, given, encoder_key, streams)
    model_leaks = check_model_leaks(places, experiment, segments, given, bundle_key)
    version = register(places, experiment, search_key, bundle_key)
    decision = promote(places, experiment, segments, given, bundle_key, version, streams.test)
    datasets = {"utterances": utterances, "words": words, "segments": segments, "streams": streams.test}
    keys = {"search": search_key, "encoder": encoder_key, "bundle": bundle_key}
    keys |= {"data_leaks": data_leaks, "model_leaks": model_leaks}
    report = publish_report(places, experiment, datasets, given, keys, version, decision)
    evaluation = read_evaluation(places, experiment, segments, given, bundle_key)
    return RetrainResult(version, decision, evaluation, bundle_key, report)
