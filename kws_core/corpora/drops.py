"""The drops of a named corpus: revisions of one small document in the store, each written once.

    corpora/NAME/revision-000007.json    the drops as they were after the seventh change

A change reads the newest revision and creates the next one, which fails when another process was quicker; then the
change is made anew on what that process wrote. No revision is ever changed, so the history of a corpus stays readable.
On S3 this needs a service that honours conditional puts (`If-None-Match`), as Amazon's does.
"""

from typing import Any, Literal

from pydantic import ValidationError

from kws_core.config import IngestedCorpusConfig, Section
from kws_core.corpora.utterances import STAGE, VERSION
from kws_core.errors import CorpusError, StoreError
from kws_core.manifest import Manifest
from kws_core.store import Store

FOLDER = "corpora"


class Drop(Section):
    """One dated delivery of recordings."""

    id: str
    """A month or a day."""
    added: str
    """When, in UTC (ISO 8601)."""
    recipe: str
    configuration: dict[str, Any]
    """Settings of the recipe."""
    ingest: dict[str, Any]
    """Settings of the stage."""
    use: Literal["speech", "noise"]
    version: int
    """Version of the stage `utterances` that made the parts."""
    offered: str
    """Fingerprint of the dataset of all that was offered, known before it is made: the same sources and settings have
    the same one."""
    dataset: str
    """Fingerprint of the dataset of what is new in the drop: this is what is trained on."""
    utterances: int
    hours: float
    speakers: int
    rejected: int
    """Recordings that could not be used; they lie in quarantine."""
    known: int
    """Utterances that earlier drops have already; they lie in quarantine too."""
    licences: dict[str, int]
    """Utterances by licence."""


class DropHistory(Section):
    """All drops of a corpus, in the order in which they were added."""

    corpus: str
    revision: int
    """How often the corpus was changed."""
    drops: tuple[Drop, ...] = ()

    def find(self, drop: str) -> Drop | None:
        """The drop with this id, or None."""
        return next((found for found in self.drops if found.id == drop), None)

    def before(self, drop: str) -> tuple[Drop, ...]:
        """Drops that were added before this one; all of them when it is new."""
        ids = [found.id for found in self.drops]
        return self.drops[: ids.index(drop)] if drop in ids else self.drops

    def with_drop(self, drop: Drop) -> "DropHistory":
        """The next revision: the drop at its place, or added at the end."""
        kept = tuple(drop if found.id == drop.id else found for found in self.drops)
        drops = kept if self.find(drop.id) else (*kept, drop)
        return DropHistory(corpus=self.corpus, revision=self.revision + 1, drops=drops)


def corpora_with_drops(store: Store) -> list[str]:
    """Names of all corpora that drops were added to, sorted."""
    return sorted({name.split("/")[1] for name in store.files.names(FOLDER)})


def read_drops(store: Store, corpus: str) -> DropHistory:
    """The newest revision of a corpus; one without drops when nothing was added yet.

    Raises:
        StoreError: it is damaged.
    """
    names = store.files.names(f"{FOLDER}/{corpus}")
    revisions = [name for name in names if name.rsplit("/", 1)[-1].startswith("revision-")]
    if not revisions:
        return DropHistory(corpus=corpus, revision=0)
    newest = max(revisions)
    try:
        return DropHistory.model_validate_json(store.files.read(newest))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise StoreError(
            f"{store.url}/{newest} is damaged: {f'{place}: ' if place else ''}{first['msg']}; restore it from a "
            "backup, or delete it to go back to the revision before it"
        ) from error


def add_revision(store: Store, history: DropHistory) -> bool:
    """Write a revision; False, and nothing is written, when another process has written it meanwhile."""
    name = f"{FOLDER}/{history.corpus}/revision-{history.revision:06}.json"
    return store.files.create(name, (history.model_dump_json(indent=1) + "\n").encode())


def drop_dataset(store: Store, corpus: str, drop: Drop) -> Manifest:
    """The utterances of a drop; raises `StoreError` that says how to mend it when their manifest was deleted."""
    manifest = store.read_manifest(STAGE, drop.dataset)
    if manifest is None:
        raise StoreError(
            f"{store.url}: the dataset of the drop {drop.id} of {corpus!r} is missing; run `kws ingest` again with the "
            f"same sources and --drop {drop.id}"
        )
    return manifest


def choose_drops(store: Store, section: str, config: IngestedCorpusConfig) -> list[Drop]:
    """The drops that a section of the experiment reads, sorted by date.

    Raises:
        CorpusError: there are none, one that is named is not there or later than `until`, one holds noise where speech
            is read or the reverse, is in another language, or was made by another version of the stage.
    """
    corpus = config.corpus or section
    if corpus != section:
        raise CorpusError(
            f"corpora.{section}: every row of the corpus {corpus!r} carries its name, so the section must be called "
            f"{corpus!r} too"
        )
    history = read_drops(store, corpus)
    if not history.drops:
        known = ", ".join(corpora_with_drops(store)) or "none"
        raise CorpusError(f"corpora.{section}: the store {store.url} has no drops of {corpus!r}; its corpora: {known}")
    there = {drop.id: drop for drop in history.drops}
    for drop in () if config.drops == "all" else config.drops:
        if drop not in there:
            raise CorpusError(f"corpora.{section}: there is no drop {drop} of {corpus!r}; {_ids(there)} are there")
        if not _is_until(drop, config.until):
            raise CorpusError(f"corpora.{section}: drops names {drop}, which until: {config.until} leaves out")
    wanted = [
        there[drop]
        for drop in sorted(there)
        if (config.drops == "all" or drop in config.drops) and _is_until(drop, config.until)
    ]
    if not wanted:
        reason = f"no drop is as early as {config.until}" if config.until else "drops is empty"
        raise CorpusError(f"corpora.{section}: {reason}; {_ids(there)} are there")
    for found in wanted:
        _check_usable(section, config, found)
    return wanted


def _is_until(drop: str, until: str | None) -> bool:
    # a month includes its days; a day excludes the month that it lies in, as that may hold later recordings
    holds_until = until is not None and len(drop) < len(until) and until.startswith(drop)
    return until is None or (drop[: len(until)] <= until and not holds_until)


def _check_usable(section: str, config: IngestedCorpusConfig, drop: Drop) -> None:
    if (drop.use == "noise") != (config.use == "noise"):
        raise CorpusError(
            f"corpora.{section}: the drop {drop.id} holds {drop.use}, which use: {config.use} cannot read"
        )
    language = drop.configuration.get("language", config.language)
    if drop.use == "speech" and language != config.language:
        raise CorpusError(
            f"corpora.{section}: the drop {drop.id} was ingested with language: {language}, the section says "
            f"language: {config.language}"
        )
    if drop.version != VERSION:
        raise CorpusError(
            f"corpora.{section}: the drop {drop.id} holds utterances of version {drop.version}, this program reads "
            f"version {VERSION}: run `kws ingest` again with the same sources and --drop {drop.id}"
        )


def _ids(drops: dict[str, Drop]) -> str:
    return ", ".join(sorted(drops))
