"""`kws rollback`."""

from typing import Annotated

import typer

from flows.commands.options import StoreUrl, TrackingUri

ModelName = Annotated[str, typer.Argument(help="The registered model: the `name` of its preset.")]


def rollback(
    name: ModelName,
    reason: Annotated[str, typer.Option(help="Why, for the decision that is recorded.")] = "",
    tracking_uri: TrackingUri = "",
    store: StoreUrl = "",
) -> None:
    """Put the previous champion back into service. Needs nothing but the registry."""
    from flows.moves import move
    from tasks.move import roll_back

    move(name, tracking_uri, store, lambda client: roll_back(client, name, reason))
