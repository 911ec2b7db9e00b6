"""`kws gc`."""

from typing import Annotated

import typer

from flows.commands.options import StoreUrl, StoreWorkspace, TrackingUri


def gc(
    store: StoreUrl = "",
    workspace: StoreWorkspace = None,
    tracking_uri: TrackingUri = "",
    keep_days: Annotated[float, typer.Option(min=1, help="What is younger stays, whatever it is.")] = 7.0,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; otherwise it is only shown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with the keys of everything.")] = False,
) -> None:
    """Show, or delete, what a store holds that no dataset, no registered model and no running search needs."""
    from flows.gc import print_garbage

    print_garbage(store, workspace, tracking_uri, keep_days, delete, as_json)
