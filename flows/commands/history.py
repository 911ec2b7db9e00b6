"""`kws history`."""

from typing import Annotated

import typer

from flows.commands.options import TrackingUri
from flows.commands.rollback import ModelName


def history(
    name: ModelName,
    tracking_uri: TrackingUri = "",
    as_json: Annotated[bool, typer.Option("--json", help="All of every decision document, as one JSON list.")] = False,
) -> None:
    """Every decision about a model: who moved which version where, when, by which figures and why."""
    from flows.moves import print_history

    print_history(name, tracking_uri, as_json)
