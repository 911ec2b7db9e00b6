"""A loopback proxy in front of an S3 server that fails requests on purpose."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from urllib.parse import urlsplit

ERRORS = {503: "SlowDown", 500: "InternalError", 429: "TooManyRequests"}
CUT = "cut"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}


class FaultyProxy(ThreadingHTTPServer):
    """Passes requests on; the first `times` requests of each method and object (and range of it) meet a fault.

    `faults[method]` lists status codes and `CUT`, which closes the connection halfway through the answer (of a GET) or
    without any (of others); they are taken by turns.
    """

    daemon_threads = True

    def __init__(self, server: str, faults: dict[str, list[int | str]], times: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server = server
        self.faults = {method: cycle(kinds) for method, kinds in faults.items()}
        self.times = times
        self.injected: Counter[tuple[str, int | str]] = Counter()
        self.most_at_once = 0
        self._seen: Counter[tuple[str, str]] = Counter()
        self._now = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""

    def next_fault(self, method: str, target: str) -> int | str | None:
        """The fault that this request meets."""
        with self._lock:
            self._seen[method, target] += 1
            if method not in self.faults or self._seen[method, target] > self.times:
                return None
            fault = next(self.faults[method])
            self.injected[method, fault] += 1
            return fault

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request in flight."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def _serve(self) -> None:
        body = self._body()
        fault = self.server.next_fault(self.command, f"{self.path} {self.headers.get('Range', '')}")
        if isinstance(fault, int):
            self._refuse(fault)
            return
        if fault == CUT and self.command != "GET":
            self.close_connection = True
            return
        with self.server.counted():
            self._pass_on(body, cut=fault == CUT)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return content

    def _pass_on(self, body: bytes, cut: bool) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.server.server).netloc, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
        answer = connection.getresponse()
        content = answer.read()
        length = str(len(content)) if self.command != "HEAD" else answer.getheader("Content-Length", "0")
        connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut

    def _refuse(self, status: int) -> None:
        code = ERRORS[status]
        content = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>Please reduce your request rate.</Message>"
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        sent = b"" if self.command == "HEAD" else (content + "</Error>").encode()
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
