"""`kws spot`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import TrackingUri

Model = Annotated[str, typer.Option(help="A bundle's folder, models:/NAME@champion or universal.")]
Threshold = Annotated[
    str,
    typer.Option(
        help="Scores that are accepted: 0.8 for every keyword; +0.05 or -0.05, signed, is added to each keyword's."
    ),
]
Keywords = Annotated[list[str] | None, typer.Option("--keyword", help="Report this keyword only. May be repeated.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a detection.")]


def spot(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings of any common format and length; - is raw 16 kHz mono sound of signed 16 bits on standard "
            "input, whose detections are printed as they happen."
        ),
    ],
    model: Model,
    threshold: Threshold = "",
    keyword: Keywords = None,
    tracking_uri: TrackingUri = "",
    json_lines: JsonLines = False,
) -> None:
    """Find keywords in recordings: keyword, start, end and score of each detection."""
    from flows.spot import open_spotter, print_detections

    print_detections(recordings, open_spotter(model, tracking_uri, threshold), keyword or (), json_lines)
