"""Who may ask: the bearer token, and no foreign page through the browser of somebody on this machine."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.serve.problems import send_problem
from flows.serve.settings import Settings

OPEN = frozenset({"/", "/docs", "/health", "/openapi.json"})
"""What needs no token: it says nothing about recordings, words or traffic."""


class Access:
    """Refuses requests without the token (401), and those that a foreign page has made a browser send (403)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # a browser cannot give a stream a header: its first message may carry the token
        needs_none = scope["type"] == "websocket" or scope["path"] in OPEN
        if foreign := self._foreign(headers):
            await self._refuse(scope, send, 403, foreign)
        elif needs_none or admits(self._settings, headers.get("authorization", "")):
            await self._app(scope, receive, send)
        else:
            sentence = "a bearer token is needed: Authorization: Bearer TOKEN"
            await self._refuse(scope, send, 401, sentence, {"www-authenticate": "Bearer"})

    def _foreign(self, headers: Headers) -> str | None:
        """Why the request is not one of ours: a browser tells its page's origin, and the name that it looked up."""
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return f"requests from pages of {origin} are not accepted"
        # a name that an attacker points at 127.0.0.1 makes his page one of our own origin
        if self._settings.loopback and not self._settings.token and not _is_local(host):
            return f"host {host!r} is not this machine; 127.0.0.1 and localhost are accepted"
        return None

    async def _refuse(
        self, scope: Scope, send: Send, status: int, sentence: str, headers: dict[str, str] | None = None
    ) -> None:
        if scope["type"] == "http":
            await send_problem(send, status, sentence, headers)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})


def admits(settings: Settings, authorization: str) -> bool:
    """Whether `Bearer TOKEN` holds the token, compared in constant time."""
    if settings.token is None:
        return True
    scheme, _, token = authorization.partition(" ")
    # what cannot be encoded is no token of ours, which is ASCII
    given = token.strip().encode("ascii", "backslashreplace")
    return scheme.lower() == "bearer" and hmac.compare_digest(given, settings.token.encode())


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
