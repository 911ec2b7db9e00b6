"""`kws promote`."""

from typing import Annotated

import typer

from flows.commands.options import StoreUrl, TrackingUri
from flows.commands.rollback import ModelName


def promote(
    name: ModelName,
    version: Annotated[str, typer.Argument(help="The number of the version.")],
    reason: Annotated[str, typer.Option(help="Why, for the decision that is recorded.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also a version that failed its checks or the gate; this is recorded.")
    ] = False,
    tracking_uri: TrackingUri = "",
    store: StoreUrl = "",
) -> None:
    """Put a version into service by hand; the former champion becomes `previous`."""
    from flows.moves import move
    from tasks.promote_by_hand import promote_by_hand

    move(name, tracking_uri, store, lambda client: promote_by_hand(client, name, version, reason, force))
