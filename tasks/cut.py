"""Words to the dataset `segments`."""

from dataclasses import dataclass

from kws_core import alignment, corpora, segments
from kws_core.config import Experiment, SegmentsConfig
from kws_core.manifest import Part, part_key
from kws_core.part import PartOutput
from kws_core.store import Store
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.stage import stage_task


@stage_task("cut")
def cut(places: Places, experiment: Experiment, utterances: str, words: str) -> str:
    """Cut and gate every word; returns the fingerprint of the segments."""
    store = places.store()
    sources = store.dataset(corpora.STAGE, utterances).parts
    aligned = store.dataset(alignment.STAGE, words).parts
    jobs = []
    for utterance_part, word_part in zip(sources, aligned, strict=True):
        key = part_key(segments.STAGE, segments.VERSION, experiment.segments, [word_part.key])
        jobs.append(Job(key, word_part.corpus, _Cut(experiment.segments, utterance_part, word_part)))
    return make_dataset(store, segments.STAGE, segments.VERSION, jobs, experiment.rejection.segments).fingerprint


@dataclass(frozen=True)
class _Cut:
    config: SegmentsConfig
    utterances: Part
    words: Part

    def __call__(self, store: Store) -> PartOutput:
        utterances = store.read_part(corpora.STAGE, self.utterances)
        words = store.read_part(alignment.STAGE, self.words)
        return segments.cut_part(utterances, words, self.config)
