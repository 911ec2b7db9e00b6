"""Files on an HTTP server, resumed by range requests."""

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from kws_core.corpora.download.redaction import redacted
from kws_core.corpora.download.source import Answer, TransientError
from kws_core.errors import CorpusError

_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524}


class HttpSource:
    """One `https://` or `http://` address; redirects are followed, but never from https to http."""

    def __init__(self, url: str, silence_s: float) -> None:
        """Check the address; nothing is opened yet."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise CorpusError(f"{redacted(url)} is not a valid address: {redacted(str(error))}") from None
        if not parsed.host:
            raise CorpusError(f"{redacted(url)} is not a valid address: it names no host")
        self._shown = redacted(url)
        self._auth = (parsed.username, parsed.password) if parsed.userinfo else None
        self._url = parsed.copy_with(username="", password="") if parsed.userinfo else parsed
        self._timeout = httpx.Timeout(silence_s, connect=min(silence_s, 30.0))

    @contextmanager
    def open(self, offset: int, validator: str | None) -> Iterator[Answer]:
        """Request the file from `offset`; see `Source`."""
        _keep_secrets_out_of_logs()
        # the bytes as they lie on the server: an archive must not be unpacked on its way
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator:
                headers["If-Range"] = validator
        try:
            with (
                httpx.Client(
                    timeout=self._timeout, follow_redirects=True, event_hooks={"request": [self._refuse_downgrade]}
                ) as client,
                client.stream("GET", self._url, headers=headers, auth=self._auth) as response,
            ):
                yield self._answer(response, offset)
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise CorpusError(f"{self._shown}: {redacted(str(error))}") from None
        except httpx.TransportError as error:
            if isinstance(_root_cause(error), ssl.SSLCertVerificationError):
                raise CorpusError(f"{self._shown}: the server's certificate is not trusted: {error}") from None
            raise TransientError(redacted(str(error)) or type(error).__name__) from None

    def _answer(self, response: httpx.Response, offset: int) -> Answer:
        status = response.status_code
        if status == 416 and offset:
            # all bytes are here, or more than the file has: then there is nothing to build on
            complete = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
            if complete and int(complete[1]) == offset:
                return Answer(offset, offset, _validator(response), iter(()))
            return Answer(0, None, None, _nothing_to_resume())
        if status in _WORTH_ANOTHER_TRY:
            raise TransientError(f"the server answered {_named(response)}", _retry_after_s(response))
        if status not in (200, 206) or (status == 206 and not offset):
            raise CorpusError(f"{self._shown}: the server answered {_named(response)}")
        if status == 200:
            length = response.headers.get("Content-Length")
            return Answer(0, int(length) if length else None, _validator(response), response.iter_raw())
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != offset:
            raise CorpusError(
                f"{self._shown}: asked for the bytes from {offset}, the server sent "
                f"{response.headers.get('Content-Range', 'a part that it does not name')!r}"
            )
        total = None if span[3] == "*" else int(span[3])
        return Answer(offset, total, _validator(response), response.iter_raw())

    def _refuse_downgrade(self, request: httpx.Request) -> None:
        if self._url.scheme == "https" and request.url.scheme != "https":
            raise CorpusError(f"{self._shown}: redirected to {redacted(str(request.url))}, which is not encrypted")


def _nothing_to_resume() -> Iterator[bytes]:
    """Chunks of an answer that has none: the next try starts anew."""
    raise TransientError("the server has fewer bytes than are here; starting anew", 0.0)
    yield b""


def _validator(response: httpx.Response) -> str | None:
    """Strong ETag, else the date of the last change; a weak ETag does not promise equal bytes."""
    etag: str = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    changed: str | None = response.headers.get("Last-Modified")
    return changed


def _retry_after_s(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _named(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _root_cause(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


_REDACTION = _Redaction()


def _keep_secrets_out_of_logs() -> None:
    """httpx logs every address whole, signatures included."""
    logger = logging.getLogger("httpx")
    if _REDACTION not in logger.filters:
        logger.addFilter(_REDACTION)
