"""The data half of a retrain as a Prefect flow: recordings to segments, features, splits and trials."""

from prefect import flow

from kws_core.config import Experiment
from tasks.align import align
from tasks.check_leaks import check_data_leaks
from tasks.cut import cut
from tasks.featurise import featurise
from tasks.ingest import ingest
from tasks.places import Places
from tasks.select import select
from tasks.training_input import TrainingInput


@flow(name="build-dataset", validate_parameters=False, persist_result=False)
def build_dataset(places: Places, experiment: Experiment) -> dict[str, str]:
    """Make every dataset that training reads; returns their fingerprints. A retrain then computes none of them."""
    utterances = ingest(places, experiment)
    words = align(places, experiment, utterances)
    segments = cut(places, experiment, utterances, words)
    features = featurise(places, experiment, segments)
    selection, pairs = select(places, experiment, segments)
    sound = segments if experiment.training.input == "waveforms" else ""
    noise = utterances if experiment.noise_corpora else ""
    given = TrainingInput(features=features, selection=selection, pairs=pairs, segments=sound, noise=noise)
    leaks = check_data_leaks(places, experiment, segments, given)
    made = {"utterances": utterances, "words": words, "segments": segments, "features": features}
    return made | {"selection": selection, "pairs": pairs, "data_leaks": leaks}
