"""`kws feedback`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import StoreUrl, StoreWorkspace, store_places
from tasks.private_prefect import PrivatePrefect


def feedback(
    marks: Annotated[
        Path, typer.Argument(help="TSV: path start_s end_s kind keyword, and spoken speaker licence language.")
    ],
    drop: Annotated[str, typer.Option(help="Date of the drop: YYYY-MM or YYYY-MM-DD.")],
    corpus: Annotated[str, typer.Option(help="The corpus that it is added to.")] = "feedback",
    store: StoreUrl = "",
    workspace: StoreWorkspace = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="licence=…, language=… or ingest.… or rejection.…. Repeatable.")
    ] = None,
) -> None:
    """Add marked false alarms and misses as a drop, for the next retrain to learn from."""
    from flows.feedback import feedback_config

    config = feedback_config(marks, drop, corpus, tuple(setting or ()))
    places = store_places(store, workspace)
    places.store().check_writable()
    server = PrivatePrefect()
    from flows.ingest import ingest_drop

    server.wait()
    ingest_drop(places, config)
