"""`kws serve` from its options to its end."""

import logging
import os
from pathlib import Path

import typer
import uvicorn

from flows.serve.application import create_app
from flows.serve.enrolled_words import EnrolledWords
from flows.serve.inference import Inference
from flows.serve.metrics import Metrics
from flows.serve.model_holder import ModelHolder
from flows.serve.protocol import patient_protocol
from flows.serve.service import Service
from flows.serve.settings import Settings, bind, check_token
from flows.serve.sources import model_source
from flows.serve.watch import Watch

MOST_CONNECTIONS = 512


def serve_forever(
    model: str,
    host: str,
    port: int,
    token_variable: str,
    tracking_uri: str,
    enrolled: Path | None,
    largest_mb: int,
    within_s: float,
    poll_s: float,
) -> None:
    """Serve a model until the process is told to end; what is under way then is answered first.

    Raises:
        ConfigError: the address cannot be taken, or it needs a token and there is none.
        BundleError: the model is damaged or not ours.
        RegistryError: it cannot be fetched.
    """
    token = os.environ.get(token_variable) or None
    settings = Settings(
        token=token,
        loopback=check_token(host, token, token_variable),
        largest_body_bytes=largest_mb * 1_000_000,
        request_s=within_s,
    )
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("kws.serve").setLevel(logging.INFO)
    metrics = Metrics()
    with bind(host, port) as listener:
        holder = ModelHolder(model_source(model, tracking_uri), EnrolledWords(enrolled), metrics)
        service = Service(settings, holder, Inference(settings), metrics, Watch(holder, metrics, poll_s))
        config = uvicorn.Config(
            create_app(service),
            http=patient_protocol(settings.request_s),
            ws="websockets-sansio",
            ws_max_size=settings.largest_frame_bytes,
            ws_max_queue=4,
            ws_per_message_deflate=False,
            log_config=None,
            # each request that is no HTTP would be a warning
            log_level=logging.ERROR,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=round(settings.answer_s),
        )
        current = holder.current
        typer.echo(
            f"{current.name} version {current.version}, {len(current.listener.keywords)} keywords, at "
            f"{_address(host, listener.getsockname()[1])}"
        )
        uvicorn.Server(config).run(sockets=[listener])


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
