"""A real HTTP server on loopback that serves a folder and misbehaves on demand.

with serve(folder, {"corpus.tar.gz": [Fault(status=500), Fault(cut_after=1000)]}) as server:
    fetch([RemoteFile(f"{server.url}/corpus.tar.gz")], target)
    assert [request.status for request in server.requests] == [500, 200, 206]
"""

import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; the fields combine."""

    status: int | None = None
    """Answer with this status and no file."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, such as `Retry-After` or `Location`."""
    cut_after: int | None = None
    """Close the connection after so many bytes of the body."""
    body: bytes | None = None
    """Serve these bytes in place of the file (a changed file, a wrong checksum)."""
    delay_s: float = 0.0
    """Wait before the answer."""
    pause_s: float = 0.0
    """Wait after each 16 KiB of the body."""


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    name: str
    headers: Mapping[str, str]
    status: int


@dataclass
class CorpusServer:
    """A running server: its address and what it was asked for."""

    url: str
    requests: list[Request]


@contextmanager
def serve(
    folder: Path,
    faults: Mapping[str, Sequence[Fault]] | None = None,
    *,
    ranges: bool = True,
    validators: bool = True,
) -> Iterator[CorpusServer]:
    """Serve the files below `folder`.

    Args:
        folder: root of the paths that are served; a file may change or appear while the server runs.
        faults: for a path below the folder, what goes wrong with its first, second … request; later ones are well.
        ranges: answer range requests with 206 (otherwise always with the whole file).
        validators: send `ETag` and `Last-Modified`, and honour `If-Range`.
    """
    pending = {name: list(sequence) for name, sequence in (faults or {}).items()}
    seen: list[Request] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = unquote(urlsplit(self.path).path).lstrip("/")
            with lock:
                queue = pending.get(name, [])
                fault = queue.pop(0) if queue else Fault()
            time.sleep(fault.delay_s)
            path = folder / name
            inside = path.resolve().is_relative_to(folder.resolve())
            content = fault.body
            if content is None and fault.status is None and inside and path.is_file():
                content = path.read_bytes()
            status = fault.status or (404 if content is None else 200)
            headers: dict[str, str] = {}
            if content is not None and validators:
                headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
                headers["Last-Modified"] = "Sun, 01 Nov 2026 00:00:00 GMT"
            if content is not None and ranges and fault.status is None:
                headers["Accept-Ranges"] = "bytes"
                status, content = self._range(content, headers)
            content = content if content is not None else b""
            with lock:
                seen.append(Request(name, {key.lower(): value for key, value in self.headers.items()}, status))
            self.send_response(status)
            for key, value in {**headers, **fault.headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            self._send(content, fault)

        def _range(self, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            condition = self.headers.get("If-Range")
            known = (headers.get("ETag"), headers.get("Last-Modified"))
            if asked is None or (condition is not None and condition not in known):
                return 200, content
            start = int(asked[1])
            if start >= len(content):
                headers["Content-Range"] = f"bytes */{len(content)}"
                return 416, b""
            end = min(int(asked[2]) + 1 if asked[2] else len(content), len(content))
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
            return 206, content[start:end]

        def _send(self, content: bytes, fault: Fault) -> None:
            end = len(content) if fault.cut_after is None else min(fault.cut_after, len(content))
            try:
                for start in range(0, end, 16384):
                    self.wfile.write(content[start : min(start + 16384, end)])
                    time.sleep(fault.pause_s)
                if end < len(content):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
            except OSError:
                self.close_connection = True  # the client went away: no matter

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield CorpusServer(f"http://127.0.0.1:{server.server_address[1]}", seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
