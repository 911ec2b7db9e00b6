"""The deployment `notify`: what went wrong, posted where people read it."""

import os
from typing import Annotated

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import Field

from flows.deployments.parameters import described
from kws_core.errors import ConfigError

VARIABLE = "KWS_WEBHOOK_URL"
POST_S = 30.0


@flow(name="notify", persist_result=False, retries=3, retry_delay_seconds=10)
@described
def notify(
    run: Annotated[str, Field(description="Name of the run that it is about.")],
    state: Annotated[str, Field(description="How that run ended.")],
    message: Annotated[str, Field(description="What it said.")] = "",
) -> None:
    """Post one line to the address in the environment variable KWS_WEBHOOK_URL; without one it is only logged."""
    text = f"{run} ended as {state}{f': {message}' if message else ''}"
    get_run_logger().warning(text)
    address = os.environ.get(VARIABLE)
    if not address:
        return
    import httpx

    try:
        httpx.post(address, json={"text": text}, timeout=POST_S).raise_for_status()
    except httpx.HTTPStatusError as error:
        # not the address, which is a secret
        raise ConfigError(f"the address in {VARIABLE} answered {error.response.status_code}") from None
    except httpx.HTTPError as error:
        raise ConnectionError(f"the address in {VARIABLE} cannot be reached: {type(error).__name__}") from None
