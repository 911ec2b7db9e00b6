"""Which errors are an outage: of a network or of a service, over which passes by itself and nothing else mends."""

import errno
import re
from collections.abc import Iterator

NETWORK_ERRNOS = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.EPIPE,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
SERVICE_CODES = frozenset(
    {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException"}
)
ARROW_CODES = re.compile(
    r"AWS Error (NETWORK_CONNECTION|SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|REQUEST_TIMEOUT|THROTTLING)"
    r"|HTTP status (429|5\d\d)"
)
"""What Arrow's client says; it has no codes but in its text."""
HTTP_CLIENTS = frozenset({"aiohttp", "botocore", "httpcore", "httpx", "requests", "urllib3"})
NETWORK_ERRORS = frozenset(
    {
        "ChunkedEncodingError",
        "ClientConnectionError",
        "ClientPayloadError",
        "ConnectError",
        "ConnectionError",
        "HTTPClientError",
        "ProtocolError",
        "RemoteProtocolError",
        "ServerTimeoutError",
        "Timeout",
        "TimeoutError",
        "TimeoutException",
        "TransportError",
    }
)
"""Classes of `HTTP_CLIENTS`, and those derived from them, that mean no or no whole answer."""


def is_outage(error: BaseException) -> bool:
    """Whether it, or what it was raised from, is a lost connection, a timeout, throttling or a server's error (5xx)."""
    return any(_is_outage(each) for each in _chain(error))


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in NETWORK_ERRNOS:
        return True
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):  # of botocore
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _is_passing_status(status) or answer.get("Error", {}).get("Code") in SERVICE_CODES
    if answer is not None:  # of requests or httpx
        return _is_passing_status(getattr(answer, "status_code", 0))
    if isinstance(error, OSError) and ARROW_CODES.search(str(error)):
        return True
    return any(
        base.__name__ in NETWORK_ERRORS and base.__module__.partition(".")[0] in HTTP_CLIENTS
        for base in type(error).__mro__
    )


def _is_passing_status(status: object) -> bool:
    return isinstance(status, int) and (status == 429 or 500 <= status < 600)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
