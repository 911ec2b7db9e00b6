"""`kws ingest`."""

from typing import Annotated

import typer

from flows.commands.options import StoreUrl, StoreWorkspace, store_places
from tasks.private_prefect import PrivatePrefect


def ingest(
    recipe: Annotated[str, typer.Option(help="What reads the recordings: manifest, librispeech and so on.")],
    drop: Annotated[str, typer.Option(help="Date of the drop: YYYY-MM or YYYY-MM-DD.")],
    corpus: Annotated[str, typer.Option(help="The corpus that it is added to; named as the recipe by default.")] = "",
    store: StoreUrl = "",
    workspace: StoreWorkspace = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the recipe (key=value), of ingest.… or rejection.…. May be repeated."),
    ] = None,
) -> None:
    """Add a dated drop of recordings to a corpus. Experiments read it by `recipe: ingested`."""
    from flows.drops import drop_config

    config = drop_config(corpus, drop, recipe, tuple(setting or ()))
    places = store_places(store, workspace)
    places.store().check_writable()
    server = PrivatePrefect()
    from flows.ingest import ingest_drop

    server.wait()
    ingest_drop(places, config)
