"""How clients of S3 are set up: where they find the service is theirs, how patient they are is said here."""

import os
import random
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from pyarrow import fs

Result = TypeVar("Result")

ATTEMPTS = 8
"""Tries of one request before it fails, unless `AWS_MAX_ATTEMPTS` says otherwise; waits between them double."""
LONGEST_WAIT_S = 20.0


def client_options() -> dict[str, Any]:
    """Options of `s3fs`: throttling (503, 429), server errors and lost connections are tried again, with back-off."""
    mode = os.environ.get("AWS_RETRY_MODE", "standard")
    return {"config_kwargs": {"retries": {"mode": mode, "total_max_attempts": _attempts()}}}


def reader() -> fs.FileSystem:
    """Arrow's own client, for bulk reads: no interpreter lock, several requests in flight, the same retries."""
    retries = fs.AwsStandardS3RetryStrategy(max_attempts=_attempts())
    # Arrow's client reads keys, regions and profiles as the AWS clients do, but not the endpoint
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return fs.S3FileSystem(retry_strategy=retries, endpoint_override=endpoint)


def patiently(call: Callable[[], Result]) -> Result:
    """Call something that reads, and again while the service answers 429 to Arrow's client or cuts its answers short.

    The clients try other throttling and server errors again by themselves.
    """
    for wait_s in waits_s():
        try:
            return call()
        except Exception as error:
            if not (is_throttled(error) or is_cut_short(error)):
                raise
        time.sleep(wait_s)
    return call()


def waits_s() -> list[float]:
    """How long to wait before each new try: doubled each time, and not the same in all workers."""
    return [
        min(LONGEST_WAIT_S, 0.2 * 2**number) * random.uniform(0.5, 1)  # noqa: S311 - decides no bytes
        for number in range(_attempts() - 1)
    ]


def is_throttled(error: BaseException) -> bool:
    """Whether Arrow's client gave up on a 429."""
    return "HTTP status 429" in str(error)


def is_cut_short(error: BaseException) -> bool:
    """Whether `s3fs` gave up on answers that ended too soon, which it tries again for two seconds only."""
    return any(base.__name__ == "ClientPayloadError" for base in type(error).__mro__)


def is_service_error(error: BaseException) -> bool:
    """Whether Arrow's client could not read, rather than what it read was wrong."""
    return "AWS Error" in str(error)


def client_errors() -> tuple[type[Exception], ...]:
    """What `s3fs` raises that is no `OSError`: no credentials, no endpoint, half an answer."""
    exceptions = import_module("botocore.exceptions")
    return exceptions.BotoCoreError, exceptions.ClientError, import_module("aiohttp").ClientError


def _attempts() -> int:
    """`AWS_MAX_ATTEMPTS`, or the default where it is no number, which the AWS clients refuse by themselves."""
    given = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return max(int(given), 1) if given.isdecimal() else ATTEMPTS
