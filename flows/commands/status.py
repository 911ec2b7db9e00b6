"""`kws status`."""

from typing import Annotated

import typer

from flows.commands.options import TrackingUri
from flows.commands.rollback import ModelName


def status(
    name: ModelName,
    tracking_uri: TrackingUri = "",
    runs: Annotated[int, typer.Option(min=0, max=100, help="How many of the last runs are shown.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """What serves, what waits, the last runs of a model and, with PREFECT_API_URL, the next ones."""
    from flows.status import print_status

    print_status(name, tracking_uri, runs, as_json)
