"""What a service is started with: its address, its token and its limits."""

import ipaddress
import socket
from dataclasses import dataclass

from kws_core.errors import ConfigError

LEAST_TOKEN_CHARACTERS = 16


@dataclass(frozen=True)
class Settings:
    """Limits, and the token that requests must carry; None on loopback only."""

    token: str | None = None
    loopback: bool = True
    largest_body_bytes: int = 32_000_000
    bodies_at_once_bytes: int = 256_000_000
    """Of all requests that are being received or answered."""
    request_s: float = 30.0
    """Within which a request must have arrived."""
    answer_s: float = 30.0
    """Within which it must be answered then."""
    longest_recording_s: float = 600.0
    threads: int = 2
    """Inferences at once."""
    waiting: int = 256
    """Inferences that may wait for a thread; more are refused."""
    streams: int = 64
    """WebSocket streams at once."""
    silent_stream_s: float = 60.0
    """After which a stream that sends nothing is closed."""
    largest_frame_bytes: int = 1_000_000
    enrolled_words: int = 100


def check_token(host: str, token: str | None, variable: str) -> bool:
    """Tell whether the host is loopback.

    Raises:
        ConfigError: the host is unknown, or is reachable from elsewhere and no good token is set.
    """
    loopback = all(address.is_loopback for address in _addresses(host))
    if not loopback and not token:
        raise ConfigError(
            f"host {host} can be reached from other machines: set a token of {LEAST_TOKEN_CHARACTERS} characters or "
            f"more in the environment variable {variable}, or bind to 127.0.0.1"
        )
    if token and (len(token) < LEAST_TOKEN_CHARACTERS or not (token.isascii() and token.isprintable())):
        raise ConfigError(
            f"the token in {variable} has {len(token)} characters; {LEAST_TOKEN_CHARACTERS} or more printable ASCII "
            "characters are needed"
        )
    return loopback


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `ConfigError` when the address cannot be taken."""
    address = _addresses(host)[0]
    listener = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # accepted sockets inherit it; without, the body of an answer waits 40 ms for the client to acknowledge its head
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((str(address), port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{host}:{port} cannot be listened on: {why}") from error
    return listener


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"host {host!r} is unknown: {getattr(error, 'strerror', None) or error}") from error
    return [ipaddress.ip_address(str(address[4][0]).split("%")[0]) for address in found]
