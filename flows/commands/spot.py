"""`kws spot`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import TrackingUri


def spot(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of any common format and length.")],
    model: Annotated[str, typer.Option(help="A bundle's folder, models:/NAME@champion or universal.")],
    tracking_uri: TrackingUri = "",
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a detection.")] = False,
) -> None:
    """Find keywords in recordings: keyword, start, end and score of each detection."""
    from flows.spot import print_detections

    print_detections(recordings, model, tracking_uri, json_lines)
