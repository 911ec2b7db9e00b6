"""One service of the stack: a command, its environment, its log, and how one knows that it is ready."""

import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from infra.stack import processes
from kws_core.errors import ClusterError

STOP_S = 30.0


@dataclass
class Service:
    """A command that runs until it is stopped."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    folder: Path
    """Where it works."""
    log: Path
    """What it says, from all its starts."""
    is_ready: Callable[["Service"], bool]
    needs: tuple[str, ...] = ()
    """Names of the services that have to be ready before it starts."""
    prepare: Callable[[], None] = lambda: None
    """Done once those are ready, before the first start."""
    user: str | None = None
    """Whose process it is; the caller's by default."""
    ask_to_end: signal.Signals = signal.SIGTERM
    """What asks it to end."""
    stop_s: float = STOP_S
    """How long it may take to end before it is killed."""
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    _log_from: int = 0

    def start(self) -> None:
        """Start it; `prepare` is not called."""
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            self._log_from = log.tell()
            self.process = subprocess.Popen(  # noqa: S603 - commands of this package
                self.command,
                cwd=self.folder,
                env={**self.env, processes.TAG: self.tag},
                user=self.user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ended(self) -> bool:
        """Whether it does not run (any more)."""
        return self.process is None or self.process.poll() is not None

    def check(self) -> bool:
        """Whether it is ready.

        Raises:
            ClusterError: it has ended, with the end of its log.
        """
        if self.ended():
            raise ClusterError(f"{self.name} ended: {self.last_lines()} ({self.log})")
        with suppress(OSError):
            return self.is_ready(self)
        return False

    def wait(self, timeout_s: float) -> None:
        """Wait until it is ready; raises `ClusterError` where it ends first or needs longer."""
        deadline = time.monotonic() + timeout_s
        while not self.check():
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{self.name} is not ready after {timeout_s:.0f} s: {self.last_lines()} ({self.log})"
                )
            time.sleep(0.2)

    def kill(self) -> int:
        """SIGKILL it and all that it started; returns how many processes."""
        killed = processes.kill(self.tag)
        if self.process is not None:
            self.process.wait()
        return killed

    def stop(self) -> int:
        """Ask it to end and wait; returns how many of its processes had to be killed."""
        if self.process is None:
            return 0
        killed = processes.stop(self.tag, self.stop_s, self.ask_to_end, self.process.pid)
        with suppress(ChildProcessError):
            self.process.wait()
        return killed

    def last_lines(self, count: int = 3) -> str:
        """The end of its log, on one line."""
        return " | ".join([line.strip() for line in self.said().splitlines() if line.strip()][-count:])

    def said(self) -> str:
        """Its log since it was last started."""
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")


def answers(address: str) -> Callable[[Service], bool]:
    """Ready when a GET of this address is answered with success."""

    def ask(_: Service) -> bool:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    return ask


def says(text: str) -> Callable[[Service], bool]:
    """Ready when it has said this text since its start."""
    return lambda service: text in service.said()
