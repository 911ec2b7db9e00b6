"""A retrain without its gate as a Prefect flow: a registered version with the alias `candidate`."""

from prefect import flow

from kws_core.config import Experiment
from tasks.align import align
from tasks.bucket import bucket
from tasks.check_leaks import check_data_leaks, check_model_leaks
from tasks.cut import cut
from tasks.featurise import featurise
from tasks.ingest import ingest
from tasks.package import package
from tasks.places import Places
from tasks.refit import refit
from tasks.register import register
from tasks.search import search
from tasks.select import select
from tasks.streams import make_streams
from tasks.training_input import TrainingInput
from tasks.warm_start import warm_start


@flow(name="train", validate_parameters=False, persist_result=False)
def train(places: Places, experiment: Experiment) -> str:
    """Recordings to a registered version that nobody has judged; returns its number. No alias of service is moved.

    A retrain of the same preset finds all of this done and goes on with the gate.
    """
    utterances = ingest(places, experiment)
    words = align(places, experiment, utterances)
    segments = cut(places, experiment, utterances, words)
    features = featurise(places, experiment, segments)
    selection, pairs = select(places, experiment, segments)
    sound = segments if experiment.training.input == "waveforms" else ""
    noise = utterances if experiment.noise_corpora else ""
    given = TrainingInput(features=features, selection=selection, pairs=pairs, segments=sound, noise=noise)
    check_data_leaks(places, experiment, segments, given)
    if experiment.training.data == "stream":
        given = given.model_copy(update={"buckets": bucket(places, experiment, sound or features, selection)})
    experiment = warm_start(places, experiment, given)
    search_key = search(places, experiment, given)
    encoder_key = refit(places, experiment, given, search_key)
    streams = make_streams(places, experiment, utterances, words, segments, selection)
    bundle_key = package(places, experiment, segments, given, encoder_key, streams)
    check_model_leaks(places, experiment, segments, given, bundle_key)
    return register(places, experiment, search_key, bundle_key)
