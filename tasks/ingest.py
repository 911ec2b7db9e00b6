"""Corpora to the datasets `utterances` and, where a recipe knows true word times, `reference`."""

from dataclasses import dataclass

from kws_core import corpora
from kws_core.config import CorpusSection, Experiment, IngestConfig
from kws_core.corpora import Recording
from kws_core.manifest import Manifest, manifest_fingerprint, part_key
from kws_core.part import PartOutput
from kws_core.store import Store
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.stage import stage_task

REFERENCE = "reference"


@stage_task("ingest")
def ingest(places: Places, experiment: Experiment) -> str:
    """Decode or synthesise every corpus; returns the fingerprint of the utterances."""
    store = places.store()
    store.check_writable()
    jobs = []
    for name, config in sorted(experiment.corpora.items()):
        for recordings in corpora.group_speakers(corpora.plan_corpus(config), experiment.ingest.part_bytes):
            content = [name, config.language, experiment.ingest.min_duration_s, experiment.ingest.max_duration_s]
            key = part_key(corpora.STAGE, corpora.VERSION, content, [recording.digest for recording in recordings])
            jobs.append(Job(key, name, _Prepare(key, name, config, experiment.ingest, tuple(recordings))))
    share = experiment.rejection.ingest
    return make_dataset(store, corpora.STAGE, corpora.VERSION, jobs, share).fingerprint


def read_reference(store: Store, utterances: Manifest) -> Manifest | None:
    """The true words of the utterances' parts that have them, or None."""
    keys = [part.key for part in utterances.parts if store.has_part(REFERENCE, part.key)]
    if not keys:
        return None
    found = store.read_manifest(REFERENCE, manifest_fingerprint(REFERENCE, corpora.VERSION, keys))
    if found is None:
        found = Manifest(REFERENCE, corpora.VERSION, tuple(store.part(REFERENCE, key) for key in keys))
        store.write_manifest(found)
    return found


@dataclass(frozen=True)
class _Prepare:
    key: str
    corpus: str
    config: CorpusSection
    ingest: IngestConfig
    recordings: tuple[Recording, ...]

    def __call__(self, store: Store) -> PartOutput:
        utterances, reference = corpora.prepare_part(self.corpus, self.config, self.ingest, list(self.recordings))
        if reference is not None:
            store.write_part(REFERENCE, self.key, self.corpus, reference)
        return utterances
