"""`kws export`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import TrackingUri


def export(
    model: Annotated[str, typer.Argument(help="A bundle's folder, models:/NAME@champion or universal.")],
    out: Annotated[Path, typer.Option(help="Folder of the exported files.")],
    trials: Annotated[
        Path | None, typer.Option(help="A TSV `path speaker label` of recordings of words, to measure accuracy on.")
    ] = None,
    tracking_uri: TrackingUri = "",
) -> None:
    """Write a model's encoder for devices: ONNX, its 8-bit form and a streaming one, with what each costs."""
    from flows.export import export_model

    export_model(model, out, trials, tracking_uri)
