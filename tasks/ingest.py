"""Corpora to the datasets `utterances` and, where a recipe knows true word times, `reference`."""

from dataclasses import dataclass

from kws_core import corpora
from kws_core.config import CorpusSection, Experiment, IngestConfig, IngestedCorpusConfig
from kws_core.corpora import Recording, inventory
from kws_core.corpora.download import progress_bars
from kws_core.corpora.drops import choose_drops, drop_dataset
from kws_core.errors import StoreError
from kws_core.manifest import Manifest, part_key
from kws_core.part import PartOutput
from kws_core.store import Store
from tasks.console import console
from tasks.parts import Job, check_rejected, make_dataset
from tasks.places import Places
from tasks.repeated_audio import report_repeated_audio
from tasks.stage import stage_task

REFERENCE = "reference"


@stage_task("ingest")
def ingest(places: Places, experiment: Experiment) -> str:
    """Decode or synthesise every corpus, take drops as they are; returns the fingerprint of the utterances."""
    store = places.store()
    store.check_writable()
    jobs = []
    for name, config in sorted(experiment.corpora.items()):
        if isinstance(config, IngestedCorpusConfig):
            jobs.extend(ingested_jobs(store, name, config))
        else:
            jobs.extend(recipe_jobs(name, config, experiment.ingest))
    # rejections fail the run below: those of a drop were judged when it was added
    manifest = make_dataset(store, corpora.STAGE, corpora.VERSION, jobs, max_rejected_share=1.0)
    own = tuple(part for part, job in zip(manifest.parts, jobs, strict=True) if isinstance(job.make, PrepareUtterances))
    check_rejected(store, Manifest(manifest.stage, manifest.version, own), experiment.rejection.ingest)
    report_repeated_audio(store, manifest)
    return manifest.fingerprint


def recipe_jobs(corpus: str, config: CorpusSection, ingest: IngestConfig) -> list[Job]:
    """Plan a corpus, after a download where its recipe has one: one job a part of whole speakers."""
    with progress_bars(console) as on_progress:
        planned = corpora.plan_corpus(config, on_progress)
    jobs = []
    for recordings in corpora.group_speakers(planned, ingest.part_bytes):
        content = [corpus, config.language, ingest.min_duration_s, ingest.max_duration_s]
        key = part_key(corpora.STAGE, corpora.VERSION, content, [recording.digest for recording in recordings])
        jobs.append(Job(key, corpus, PrepareUtterances(key, corpus, config, ingest, tuple(recordings))))
    return jobs


def ingested_jobs(store: Store, corpus: str, config: IngestedCorpusConfig) -> list[Job]:
    """The parts of the drops that a section reads; there is nothing to make, as they are in the store."""
    jobs = []
    for drop in choose_drops(store, corpus, config):
        for part in drop_dataset(store, corpus, drop).parts:
            jobs.append(Job(part.key, part.corpus, _Ingested(part.key, drop.id)))
    return jobs


def read_reference(store: Store, utterances: Manifest) -> Manifest | None:
    """The true words of the utterances' parts that have them, or None."""
    there = store.complete_parts(REFERENCE, [part.key for part in utterances.parts])
    if not there:
        return None
    found = Manifest(
        REFERENCE, corpora.VERSION, tuple(there[part.key] for part in utterances.parts if part.key in there)
    )
    if store.read_manifest(REFERENCE, found.fingerprint) is None:
        store.write_manifest(found)
    return found


@dataclass(frozen=True)
class PrepareUtterances:
    """Makes a part of utterances from recordings, and beside it its inventory and, where known, the true words."""

    key: str
    corpus: str
    config: CorpusSection
    ingest: IngestConfig
    recordings: tuple[Recording, ...]

    def __call__(self, store: Store) -> PartOutput:
        """Decode or synthesise the recordings; runs on a worker."""
        utterances, reference = corpora.prepare_part(self.corpus, self.config, self.ingest, list(self.recordings))
        if reference is not None:
            store.write_part(REFERENCE, self.key, self.corpus, reference)
        store.write_part(inventory.STAGE, self.key, self.corpus, inventory.inventory_part(utterances.table))
        return utterances


@dataclass(frozen=True)
class _Ingested:
    key: str
    drop: str

    def __call__(self, store: Store) -> PartOutput:
        raise StoreError(
            f"{store.url}: part {self.key[:12]} of the drop {self.drop} is missing; run `kws ingest` again with the "
            f"same sources and --drop {self.drop}"
        )
