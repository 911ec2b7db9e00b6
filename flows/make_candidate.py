"""The training half of a run: datasets to a registered version with the alias `candidate`."""

from dataclasses import dataclass

from flows.make_datasets import Datasets
from kws_core.config import Experiment
from tasks.bucket import bucket
from tasks.check_leaks import check_model_leaks
from tasks.package import package
from tasks.places import Places
from tasks.refit import refit
from tasks.register import register
from tasks.search import search
from tasks.streams import StreamSets, make_streams
from tasks.training_input import TrainingInput
from tasks.warm_start import warm_start


@dataclass(frozen=True)
class RegisteredCandidate:
    """A version that nobody has judged, and what it was made from."""

    version: str
    experiment: Experiment
    """With the bundle that training started from in the place of `champion`."""
    given: TrainingInput
    """With the buckets that training streamed, where it did."""
    streams: StreamSets
    search_key: str
    encoder_key: str
    bundle_key: str
    leaks: str
    """Key of what the leak checks of the model found."""


def make_candidate(places: Places, experiment: Experiment, datasets: Datasets) -> RegisteredCandidate:
    """Train, package and register, within the current flow; no alias of service is moved.

    Raises:
        LeakError: a test set holds what the model has heard.
    """
    corpora, given = datasets.corpora, datasets.given
    if experiment.training.data == "stream":
        buckets = bucket(places, experiment, given.segments or given.features, given.selection)
        given = given.model_copy(update={"buckets": buckets})
    experiment = warm_start(places, experiment, given)
    search_key = search(places, experiment, given)
    encoder_key = refit(places, experiment, given, search_key)
    streams = make_streams(places, experiment, corpora.utterances, corpora.words, corpora.segments, given.selection)
    bundle_key = package(places, experiment, corpora.segments, given, encoder_key, streams)
    leaks = check_model_leaks(places, experiment, corpora.segments, given, bundle_key)
    version = register(places, experiment, search_key, bundle_key)
    return RegisteredCandidate(version, experiment, given, streams, search_key, encoder_key, bundle_key, leaks)
