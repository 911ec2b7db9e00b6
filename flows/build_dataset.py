"""The data half of a retrain as a Prefect flow: recordings to segments, features, splits and trials."""

from prefect import flow

from flows.make_datasets import make_datasets
from kws_core.config import Experiment
from tasks.places import Places


@flow(name="build-dataset", validate_parameters=False, persist_result=False)
def build_dataset(places: Places, experiment: Experiment) -> dict[str, str]:
    """Make every dataset that training reads; returns their fingerprints. A retrain then computes none of them."""
    return make_datasets(places, experiment).fingerprints()
