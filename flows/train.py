"""A retrain without its gate as a Prefect flow: a registered version with the alias `candidate`."""

from prefect import flow

from flows.make_candidate import make_candidate
from flows.make_datasets import make_datasets
from kws_core.config import Experiment
from tasks.places import Places


@flow(name="train", validate_parameters=False, persist_result=False)
def train(places: Places, experiment: Experiment) -> str:
    """Recordings to a registered version that nobody has judged; returns its number. No alias of service is moved.

    A retrain of the same preset finds all of this done and goes on with the gate.
    """
    return make_candidate(places, experiment, make_datasets(places, experiment)).version
