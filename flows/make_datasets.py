"""The data half of every run: recordings to segments, and on to what training reads."""

from dataclasses import dataclass

from kws_core.config import Experiment
from tasks.align import align
from tasks.check_leaks import check_data_leaks
from tasks.cut import cut
from tasks.featurise import featurise
from tasks.ingest import ingest
from tasks.places import Places
from tasks.select import select
from tasks.training_input import TrainingInput


@dataclass(frozen=True)
class CutCorpora:
    """Fingerprints of the recordings, of their words and of the words as segments."""

    utterances: str
    words: str
    segments: str


@dataclass(frozen=True)
class Datasets:
    """Everything that a model is trained and judged on."""

    corpora: CutCorpora
    given: TrainingInput
    leaks: str
    """Key of what the leak checks of the data found."""

    def fingerprints(self) -> dict[str, str]:
        """By the name of the dataset."""
        given = {"features": self.given.features, "selection": self.given.selection, "pairs": self.given.pairs}
        return vars(self.corpora) | given | {"data_leaks": self.leaks}


def cut_corpora(places: Places, experiment: Experiment) -> CutCorpora:
    """Recordings to segments, within the current flow; what exists is not computed again."""
    utterances = ingest(places, experiment)
    words = align(places, experiment, utterances)
    return CutCorpora(utterances, words, cut(places, experiment, utterances, words))


def make_datasets(places: Places, experiment: Experiment) -> Datasets:
    """Recordings to every dataset that training reads, within the current flow.

    Raises:
        LeakError: a test set holds what training would hear.
    """
    corpora = cut_corpora(places, experiment)
    features = featurise(places, experiment, corpora.segments)
    selection, pairs = select(places, experiment, corpora.segments)
    sound = corpora.segments if experiment.training.input == "waveforms" else ""
    noise = corpora.utterances if experiment.noise_corpora else ""
    given = TrainingInput(features=features, selection=selection, pairs=pairs, segments=sound, noise=noise)
    return Datasets(corpora, given, check_data_leaks(places, experiment, corpora.segments, given))
