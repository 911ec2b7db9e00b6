"""A dated drop of recordings to the parts and the document of its corpus."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from kws_core import corpora
from kws_core.config.drop import DropConfig
from kws_core.corpora import inventory
from kws_core.corpora.drops import Drop, DropHistory, add_revision, drop_dataset, read_drops
from kws_core.corpora.inventory import read_inventories
from kws_core.corpora.known_utterances import find_known, id_numbers, leave_out
from kws_core.errors import CorpusError, StoreError
from kws_core.manifest import Manifest, Part, manifest_fingerprint, part_key
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE
from kws_core.store import Store
from tasks.console import say
from tasks.ingest import REFERENCE, recipe_jobs
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.repeated_audio import report_repeated_audio
from tasks.stage import stage_task

ATTEMPTS = 20
"""Each one means that another process has changed the corpus meanwhile."""


@dataclass(frozen=True)
class AddedDrop:
    """What `add_drop` did."""

    state: Literal["added", "present", "restored"]
    """`restored`: parts that were missing, or made by another version of the stage, are there again."""
    drop: Drop


@stage_task("add-drop")
def add_drop(places: Places, config: DropConfig) -> AddedDrop:
    """Add a drop to a corpus; parts that exist are kept, and utterances of earlier drops are left out.

    Raises:
        CorpusError: the drop is there with other content, or it rejects more than `rejection.ingest`; the corpus stays
            as it was.
    """
    store = places.store()
    store.check_writable()
    jobs = recipe_jobs(config.corpus, config.source, config.ingest)
    offered = manifest_fingerprint(corpora.STAGE, corpora.VERSION, [job.key for job in jobs])
    if present := _find_same(store, config, offered):
        return _done("present", config, present)
    there = read_drops(store, config.corpus).find(config.drop) is not None
    made = make_dataset(store, corpora.STAGE, corpora.VERSION, jobs, config.rejection.ingest, look_for_parts=True)
    for attempt in range(ATTEMPTS):
        time.sleep(0.05 * attempt)
        if present := _find_same(store, config, offered):
            return _done("restored" if there else "present", config, present)
        history = read_drops(store, config.corpus)
        dataset, known = _leave_out_known(store, config.corpus, made, history.before(config.drop))
        drop = _describe(store, config, made, dataset, known)
        replaced = history.find(config.drop)
        if replaced and (replaced.version, replaced.dataset) == (drop.version, drop.dataset):
            return _done("restored", config, replaced)
        history = history.with_drop(drop)
        if add_revision(store, history):
            report_repeated_audio(store, _whole_corpus(store, history))
            return _done("restored" if replaced else "added", config, drop)
    raise StoreError(f"{store.url}: the corpus {config.corpus!r} was changed by others {ATTEMPTS} times; try again")


def _find_same(store: Store, config: DropConfig, offered: str) -> Drop | None:
    """The drop when it is there, whole and from the same recordings; None when there is something to make."""
    present = read_drops(store, config.corpus).find(config.drop)
    if present is None or present.version != corpora.VERSION:
        return None
    if present.offered != offered:
        raise CorpusError(
            f"the drop {config.drop} of {config.corpus!r} exists with other content (added {present.added} by recipe "
            f"{present.recipe}): other recordings need another date, and the same ones the same settings"
        )
    manifest = store.read_manifest(corpora.STAGE, present.dataset)
    if manifest is None:
        return None
    keys = [part.key for part in manifest.parts]
    return present if len(store.complete_parts(corpora.STAGE, keys)) == len(keys) else None


def _leave_out_known(store: Store, corpus: str, made: Manifest, earlier: Sequence[Drop]) -> tuple[Manifest, int]:
    """The dataset without what earlier drops have, and how many utterances that is; other parts stay as they are."""

    def inventories() -> Iterator[tuple[str, pa.Table]]:
        for drop in earlier:
            for table in read_inventories(store, corpora.STAGE, drop_dataset(store, corpus, drop).parts):
                yield drop.id, table

    tables = list(read_inventories(store, corpora.STAGE, made.parts))
    numbers = [id_numbers(table["utterance_id"]) for table in tables]
    places = find_known(numbers, inventories())
    jobs = []
    for part, table, offered in zip(made.parts, tables, numbers, strict=True):
        ids = table["utterance_id"].to_pylist()
        known = {ids[row]: places[number] for row, number in enumerate(offered.tolist()) if number in places}
        key = part_key(corpora.STAGE, corpora.VERSION, ["leave out", known], [part.key]) if known else part.key
        jobs.append(Job(key, part.corpus, _LeaveOut(key, part, known)))
    if not places:
        return made, 0
    dataset = make_dataset(store, corpora.STAGE, corpora.VERSION, jobs, max_rejected_share=1.0, look_for_parts=True)
    return dataset, len(places)


@dataclass(frozen=True)
class _LeaveOut:
    key: str
    part: Part
    known: dict[str, str]

    def __call__(self, store: Store) -> PartOutput:
        utterances = store.read_part(corpora.STAGE, self.part)
        quarantine = store.read_quarantine(Manifest(corpora.STAGE, corpora.VERSION, (self.part,)))
        output = leave_out(utterances, quarantine, self.known, corpora.STAGE)
        if store.has_part(REFERENCE, self.part.key):
            words = store.read_part(REFERENCE, store.part(REFERENCE, self.part.key))
            kept = words.filter(pc.is_in(words["utterance_id"], output.table["utterance_id"].combine_chunks()))
            store.write_part(
                REFERENCE, self.key, self.part.corpus, PartOutput(kept.combine_chunks(), QUARANTINE.empty_table())
            )
        store.write_part(inventory.STAGE, self.key, self.part.corpus, inventory.inventory_part(output.table))
        return output


def _describe(store: Store, config: DropConfig, made: Manifest, dataset: Manifest, known: int) -> Drop:
    """What the document of the corpus says about the drop."""
    seconds, speakers, licences = 0.0, 0, Counter[str]()
    for table in read_inventories(store, corpora.STAGE, dataset.parts):
        seconds += pc.sum(table["duration_s"]).as_py() or 0.0
        speakers += pc.count_distinct(table["speaker_id"]).as_py()  # a part holds whole speakers
        licences.update(table["licence"].to_pylist())
    return Drop(
        id=config.drop,
        added=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=config.source.recipe,
        configuration=config.source.model_dump(mode="json"),
        ingest=config.ingest.model_dump(mode="json"),
        use="noise" if config.source.use == "noise" else "speech",
        version=corpora.VERSION,
        offered=made.fingerprint,
        dataset=dataset.fingerprint,
        utterances=dataset.rows,
        hours=round(seconds / 3600, 4),
        speakers=speakers,
        rejected=made.rejected,
        known=known,
        licences=dict(sorted(licences.items())),
    )


def _whole_corpus(store: Store, history: DropHistory) -> Manifest:
    """All parts of a corpus, as an experiment that reads all of its drops has them."""
    drops = sorted(history.drops, key=lambda drop: drop.id)
    parts = [part for drop in drops for part in drop_dataset(store, history.corpus, drop).parts]
    return Manifest(corpora.STAGE, corpora.VERSION, tuple(parts))


def _done(state: Literal["added", "present", "restored"], config: DropConfig, drop: Drop) -> AddedDrop:
    size = f"{drop.utterances:,} utterances, {drop.hours:.2f} h, {drop.speakers} speakers"
    left = f"{drop.rejected:,} rejected, {drop.known:,} in earlier drops already"
    told = {
        "added": f"{size} added; {left}",
        "present": f"nothing to add: the drop is there with the same content ({size})",
        "restored": f"the drop is whole again ({size}); {left}",
    }
    say("drop", f"{config.drop} of {config.corpus}: {told[state]}")
    return AddedDrop(state, drop)
