"""`kws enrol`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import TrackingUri


def enrol(
    keyword: Annotated[str, typer.Argument(help="What the recordings say.")],
    recordings: Annotated[list[Path], typer.Argument(help="One to ten recordings of it alone, three at best.")],
    bundle: Annotated[str, typer.Option(help="universal, a bundle's folder or models:/NAME@ALIAS.")] = "universal",
    out: Annotated[Path, typer.Option(help="Folder of the new bundle; that of --bundle to add to it.")] = Path(
        "enrolled"
    ),
    far: Annotated[
        float | None, typer.Option(help="Share of other words that may be taken for the keyword [0.001].")
    ] = None,
    max_false_alarms_per_hour: Annotated[
        float | None, typer.Option(help="In place of --far: in speech without the keyword, by the cohort or --without.")
    ] = None,
    without: Annotated[
        list[Path] | None, typer.Option(help="A recording, or a folder of them, without the keyword. May be repeated.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Learn a keyword anew that the bundle has.")] = False,
    speaker: Annotated[
        list[str] | None, typer.Option(help="Who said the recordings, to be recorded: once, or once for each.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Date of the enrolment to be recorded (YYYY-MM-DD).")] = None,
    tracking_uri: TrackingUri = "",
) -> None:
    """Add a keyword to a bundle by recordings of it, without training."""
    from flows.enrol import enrol_keyword

    wish = far, max_false_alarms_per_hour, without or []
    enrol_keyword(keyword, recordings, bundle, out, *wish, replace, tracking_uri, speaker or [], date)
