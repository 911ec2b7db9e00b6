"""Utterances to the dataset `words`."""

from dataclasses import dataclass
from functools import cache

from kws_core import corpora
from kws_core.alignment import STAGE, VERSION, Aligner, aligner_version, build_aligner
from kws_core.config import AlignmentConfig, Experiment
from kws_core.manifest import Part, part_key
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, WORDS
from kws_core.store import Store
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.stage import stage_task


@stage_task("align")
def align(places: Places, experiment: Experiment, utterances: str) -> str:
    """Align every corpus with its aligner, noise with none; returns the fingerprint of the words."""
    store = places.store()
    jobs = []
    for part in store.dataset(corpora.STAGE, utterances).parts:
        if part.corpus in experiment.noise_corpora:
            # an empty part: part i of a stage is made from part i of the stage before it
            jobs.append(Job(part_key(STAGE, VERSION, "noise", [part.key]), part.corpus, _NoWords()))
            continue
        name = experiment.corpora[part.corpus].aligner
        content = [name, aligner_version(name), experiment.alignment]
        key = part_key(STAGE, VERSION, content, [part.key])
        jobs.append(Job(key, part.corpus, _Align(name, experiment.alignment, part)))
    return make_dataset(store, STAGE, VERSION, jobs, experiment.rejection.alignment).fingerprint


@dataclass(frozen=True)
class _Align:
    aligner: str
    config: AlignmentConfig
    part: Part

    def __call__(self, store: Store) -> PartOutput:
        return _loaded_aligner(self.aligner, self.config).align(store.read_part(corpora.STAGE, self.part))


@dataclass(frozen=True)
class _NoWords:
    def __call__(self, store: Store) -> PartOutput:
        return PartOutput(WORDS.empty_table(), QUARANTINE.empty_table())


@cache
def _loaded_aligner(name: str, config: AlignmentConfig) -> Aligner:
    """One decoder a process."""
    return build_aligner(name, config)
