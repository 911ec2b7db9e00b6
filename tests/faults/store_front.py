"""What stands between the stack and its S3 server, and can be made to fail, to be slow, or to be gone."""

import threading
import time
from collections import Counter
from http.server import ThreadingHTTPServer

import s3_proxy

REFUSES, SLOW, CUTS = "answers 503", "takes 5 s an answer", "cuts connections"
SLOW_S = 5.0
HALF = 2


class StoreFront:
    """An HTTP server on a fixed port that passes on to another one, as long as nothing is set."""

    def __init__(self, port: int, server: str) -> None:
        self.port = port
        self.server = server
        self.fault = ""
        """One of `REFUSES`, `SLOW` and `CUTS`, or nothing."""
        self.met: Counter[str] = Counter()
        """How many requests met each fault."""
        self._http: _Server | None = None
        self.start()

    @property
    def listens(self) -> bool:
        """Whether connections are accepted."""
        return self._http is not None

    def start(self) -> None:
        """Listen."""
        self._http = _Server(self)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no more: connections are refused, those that are open are closed at their next request."""
        if self._http is not None:
            self._http.gone = True
            self._http.shutdown()
            self._http.server_close()
            self._http = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, front: StoreFront) -> None:
        super().__init__(("127.0.0.1", front.port), _Handler)
        self.front = front
        self.server = front.server
        self.gone = False

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""


class _Handler(s3_proxy._Handler):
    server: _Server  # type: ignore[assignment]
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self._body()
        if self.server.gone:
            self.close_connection = True
            return
        fault = self.server.front.fault
        if fault:
            self.server.front.met[fault] += 1
        if fault == REFUSES:
            self._refuse(503)
            return
        if fault == CUTS and (self.command != "GET" or self.server.front.met[fault] % HALF):
            self.close_connection = True
            return
        if fault == SLOW:
            time.sleep(SLOW_S)
        self._pass_on(body, cut=fault == CUTS)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve
