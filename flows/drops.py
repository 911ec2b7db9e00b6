"""`kws ingest` and `kws drops`: a drop as a command line describes it, and the drops of a store as a table."""

import json

import typer
from rich.console import Console
from rich.table import Table

from kws_core.config.drop import DropConfig
from kws_core.corpora.drops import DropHistory, corpora_with_drops, read_drops
from kws_core.errors import ConfigError, CorpusError
from kws_core.presets import build_settings
from kws_core.report.numbers import count
from kws_core.store import Store

SECTIONS = ("ingest.", "rejection.")
"""Settings that start like this are not the recipe's."""


def drop_config(corpus: str, drop: str, recipe: str, settings: tuple[str, ...]) -> DropConfig:
    """The drop that a command line describes; raises `ConfigError` naming a key or value that is not accepted."""
    document = {"corpus": corpus or recipe, "drop": drop, "source": {"recipe": recipe}}
    overrides = tuple(setting if setting.startswith(SECTIONS) else f"source.{setting}" for setting in settings)
    try:
        return build_settings("kws ingest", document, DropConfig, overrides)
    except ConfigError as error:
        # as it was typed: without where the recipe's settings lie in the document
        raise ConfigError(str(error).replace(f"source.{recipe}.", "").replace("'source.", "'")) from error


def print_drops(store: Store, corpus: str, json_lines: bool) -> None:
    """Print the drops of a corpus, or of all corpora, by date: as a table or as one JSON object each.

    Raises:
        CorpusError: the store has no such corpus.
    """
    names = corpora_with_drops(store)
    if corpus and corpus not in names:
        raise CorpusError(
            f"the store {store.url} has no drops of {corpus!r}; its corpora: {', '.join(names) or 'none'}"
        )
    histories = [read_drops(store, name) for name in ([corpus] if corpus else names)]
    if json_lines:
        for history in histories:
            for drop in sorted(history.drops, key=lambda drop: drop.id):
                typer.echo(json.dumps({"corpus": history.corpus, **drop.model_dump()}, ensure_ascii=False))
    elif histories:
        console = Console()
        if not console.is_terminal:
            console.width = 160  # a file has no edge to wrap at
        console.print(_table(histories))
    else:
        typer.echo(f"the store {store.url} has no drops; `kws ingest` adds one")


def _table(histories: list[DropHistory]) -> Table:
    headings = ("utterances", "hours", "speakers", "rejected", "known")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("corpus", "drop", "added", "recipe"):
        table.add_column(heading, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", overflow="fold")
    for heading in ("licences", "dataset"):
        table.add_column(heading, overflow="fold")
    for history in histories:
        for drop in sorted(history.drops, key=lambda drop: drop.id):
            numbers = [count(drop.utterances), f"{drop.hours:.2f}"]
            numbers += [count(number) for number in (drop.speakers, drop.rejected, drop.known)]
            added = drop.added[:10]
            licences = ", ".join(drop.licences)
            table.add_row(history.corpus, drop.id, added, drop.recipe, *numbers, licences, drop.dataset[:12])
    return table
