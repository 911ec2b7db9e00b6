"""How much a request may send, and how long it may take."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.serve.problems import send_problem
from flows.serve.settings import Settings

RETRY = {"retry-after": "1"}


class Limits:
    """Receives each body whole before the application sees it: 413 when it is too large, 408 when it is too slow.

    The server discards the rest of a body that was refused.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most, within_s = self._settings.largest_body_bytes, self._settings.request_s
        too_large = f"the body is larger than {most:,} bytes"
        said = Headers(scope=scope).get("content-length", "0")
        if said.isascii() and said.isdigit() and int(said[:20]) > most:
            await send_problem(send, 413, too_large)
            return
        body = bytearray()
        try:
            async with asyncio.timeout(within_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    chunk = message.get("body", b"")
                    self._held_bytes += len(chunk)
                    body += chunk
                    if len(body) > most:
                        await send_problem(send, 413, too_large)
                        return
                    if self._held_bytes > self._settings.bodies_at_once_bytes:
                        await send_problem(send, 503, "too many recordings are being received; try again", RETRY)
                        return
                    if not message.get("more_body", False):
                        break
            await self._app(scope, _replay(bytes(body), receive), send)
        except TimeoutError:
            await send_problem(send, 408, f"the body did not arrive within {within_s:g} s", {"connection": "close"})
        finally:
            self._held_bytes -= len(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, then what really comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
