"""Hyper-parameter search: the stage that ranks configurations by their development trials."""

from kws_core.config import Experiment
from kws_core.errors import TrainingError
from kws_core.fingerprint import fingerprint
from tasks.console import say
from tasks.only_one import check_still_one, only_one
from tasks.places import Places
from tasks.search_record import record_search
from tasks.search_run import run_search
from tasks.search_space import as_given, configured, describe_trial, device, training_spec
from tasks.search_state import remove_state
from tasks.search_trial import METRIC
from tasks.stage import stage_task
from tasks.starting_bundle import pin_starting_bundle
from tasks.training_input import TrainingInput

__all__ = ["KIND", "METRIC", "configured", "device", "search", "training_spec"]

KIND = "search"
VERSION = 4


@stage_task("search")
def search(places: Places, experiment: Experiment, given: TrainingInput) -> str:
    """Try configurations on development trials; returns the key of the document that ranks them.

    A killed search is gone on with, one that another run is at is waited for; trials that fail are reported, in MLflow
    too.

    Raises:
        TrainingError: all trials failed, or none can run here.
    """
    store = places.store()
    start = pin_starting_bundle(places, experiment.strategy)
    spec = training_spec(experiment, experiment.search.encoders[0])
    content = [spec.loss, spec.sampling, spec.training, spec.augmentation, experiment.search, experiment.seed, start]
    key = fingerprint(KIND, VERSION, *content, given)
    if not experiment.search.trials:
        store.write_document(KIND, key, {"trials": [as_given(experiment)], "failed": [], "seconds": 0.0})
        say(KIND, f"no trials: {describe_trial(as_given(experiment), experiment)} as given")
        return key
    effort = "nothing to compute"
    with only_one(store, KIND, key):
        document = store.read_document(KIND, key)
        if document is None:
            document = run_search(places, experiment, given, start, key)
            check_still_one()
            if document["trials"]:
                store.write_document(KIND, key, document)
            # what is left is of no more use: the document has it all, or all has to be tried anew
            remove_state(places, key)
            effort = f"{len(document['trials'])} trials in {document['seconds']:.0f} s"
        record_search(places, experiment, key, document)
    for trial in document["failed"]:
        say(KIND, f"trial {trial['number'] + 1} failed: {describe_trial(trial, experiment)}: {trial['error']}")
    if not document["trials"]:
        first = document["failed"][0]["error"]
        raise TrainingError(f"every trial of the search failed; the first said: {first}")
    best = document["trials"][0]
    tried = f"best of {len(document['trials'])}: {describe_trial(best, experiment)}"
    say(KIND, f"{tried}, EER {best[METRIC]:.2%}, {effort}")
    return key
