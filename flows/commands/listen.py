"""`kws listen`."""

from typing import Annotated

import typer

from flows.commands.options import TrackingUri
from flows.commands.spot import JsonLines, Keywords, Model, Threshold


def listen(
    model: Model,
    threshold: Threshold = "",
    keyword: Keywords = None,
    device: Annotated[str, typer.Option(help="The microphone: a number or a part of its name [the default one].")] = "",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="How long to listen [until Ctrl-C].")] = None,
    tracking_uri: TrackingUri = "",
    json_lines: JsonLines = False,
) -> None:
    """Listen to the microphone and print keywords as they are said (needs the package sounddevice)."""
    from flows import live
    from flows.detection_lines import DetectionLines
    from flows.spot import known_keywords, open_spotter

    spotter = open_spotter(model, tracking_uri, threshold)
    lines = DetectionLines(json_lines, known_keywords(spotter, keyword or ()))
    live.listen(spotter.stream(), live.microphone(device, seconds), lines, "microphone")
