"""`kws serve`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import TrackingUri
from kws_core.errors import ConfigError

VARIABLE = "KWS_TOKEN"


def serve(
    model: Annotated[str, typer.Argument(help="A bundle's folder, models:/NAME@champion or universal.")],
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback need a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8642,
    token_env: Annotated[
        str, typer.Option(help="Environment variable that holds the bearer token of requests.")
    ] = VARIABLE,
    tracking_uri: TrackingUri = "",
    enrolled: Annotated[
        Path | None, typer.Option(help="Folder that keeps enrolled words and their recordings [until the end].")
    ] = None,
    largest_mb: Annotated[int, typer.Option(min=1, max=256, help="Megabytes that a request may have.")] = 32,
    within_s: Annotated[float, typer.Option(min=0.1, help="Seconds within which a request must have arrived.")] = 30.0,
    poll_s: Annotated[
        float, typer.Option(min=0.05, help="Seconds between looks for a newer model, which then takes over.")
    ] = 10.0,
) -> None:
    """Serve a model over HTTP and WebSocket, with a page to try it."""
    try:
        from flows.serve.run import serve_forever
    except ModuleNotFoundError as error:
        raise ConfigError(f"kws serve needs the extra `serve`, such as kws-foundry[serve]: {error}") from error

    serve_forever(model, host, port, token_env, tracking_uri, enrolled, largest_mb, within_s, poll_s)
