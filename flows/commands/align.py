"""`kws align`."""

from typing import Annotated

import typer

from flows.commands.options import Preset, Settings, StoreUrl, Workspace, experiment_and_places
from tasks.private_prefect import PrivatePrefect


def align(
    preset: Preset,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare two aligners, or one and a TSV `path index word start_s end_s`."),
    ] = None,
    workspace: Workspace = None,
    store: StoreUrl = "",
    setting: Settings = None,
) -> None:
    """Recordings to aligned words, or how far the word boundaries of two aligners lie apart."""
    experiment, places = experiment_and_places(preset, tuple(setting or ()), workspace, store)
    server = PrivatePrefect()
    from flows.compare_aligners import align_corpora, compare_aligners

    server.wait()
    if compare:
        typer.echo(compare_aligners(places, experiment, *compare))
    else:
        typer.echo(align_corpora(places, experiment))
