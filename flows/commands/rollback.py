"""`kws rollback`."""

from typing import Annotated

import typer

from flows.commands.options import TrackingUri


def rollback(
    name: Annotated[str, typer.Argument(help="The registered model: the `name` of its preset.")],
    tracking_uri: TrackingUri = "",
) -> None:
    """Put the previous champion back into service."""
    from flows.spot import registry_of
    from tasks import registry

    client = registry.client(tracking_uri or registry_of(name))
    served, now = registry.roll_back(client, name)
    typer.echo(f"{name}: version {now} is champion again, version {served} is `previous`")
