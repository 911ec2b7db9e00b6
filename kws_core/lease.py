"""One process at a time does a piece of work on a store: numbered leases, of which the newest counts.

    leases/WORK/NUMBER.json     who has it; created once, by one of all that try
    leases/WORK/TOKEN.beat      written again and again by its holder, for as long as it lives

A holder that has ended on this machine is followed at once. One on another machine is given up when its beat has not
changed for `LEASE_S` of the clock of whoever waits: no two clocks are compared.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kws_core.errors import StoreError
from kws_core.files import Files
from kws_core.process_identity import has_ended, this_process

FOLDER = "leases"
LEASE_S = 60.0
BEAT_S = 10.0
POLL_S = 1.0


class Lease:
    """The right to do a piece of work, until the holder lets it go or was silent for `LEASE_S`."""

    def __init__(self, files: Files, work: str, number: int, token: str) -> None:
        """Hold a lease that was created; use `only_holder`."""
        self._files, self._work, self._number, self._token = files, work, number, token
        self._lost = False
        self._beats = 1
        self._let_go = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease {work}", daemon=True)

    def check(self) -> None:
        """Raise `StoreError` once another process has taken the work over."""
        if self._lost:
            raise StoreError(
                f"another process took over {self._work}, because this one was silent for {LEASE_S:g} s; what it had "
                "done is kept: run it again"
            )

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def let_go(self) -> None:
        """Let the next one in; a store that refuses it only costs that one `LEASE_S`."""
        self._let_go.set()
        self._thread.join()
        with suppress(StoreError):
            holder = _holder(self._files, self._work, self._number)
            if holder is not None and holder.token == self._token:  # else its number is another one's by now
                self._files.remove([_lease_name(self._work, self._number)])
            self._files.remove([_beat_name(self._work, self._token)])

    def _beat(self) -> None:
        while not self._let_go.wait(BEAT_S):
            with suppress(StoreError):  # the next beat tries again; nobody can take over what nobody reaches
                newest = _newest(self._files, self._work)
                if newest is None or newest.token != self._token:
                    self._lost = True
                    return
                self._beats += 1
                self._files.write(_beat_name(self._work, self._token), str(self._beats).encode())


@contextmanager
def only_holder(files: Files, work: str, wait: Callable[[], None]) -> Iterator[Lease]:
    """Wait until nobody else does the work, then do it.

    Args:
        files: of the store.
        work: its name, a folder's.
        wait: called once when another process is at it.

    Raises:
        StoreError: the store cannot be read or written.
    """
    lease = _taken(files, work, wait)
    lease.start()
    try:
        yield lease
    finally:
        lease.let_go()


@dataclass(frozen=True)
class _Holder:
    number: int
    token: str = ""
    process: str = ""


@dataclass
class _Watch:
    """How long the beat of a holder has not changed, as seen from here."""

    _seen: tuple[str, bytes | None] | None = None
    _since: float = 0.0

    def silent_s(self, files: Files, work: str, holder: _Holder) -> float:
        beat = _read(files, _beat_name(work, holder.token))
        if self._seen != (holder.token, beat):
            self._seen, self._since = (holder.token, beat), time.monotonic()
        return time.monotonic() - self._since


def _taken(files: Files, work: str, wait: Callable[[], None]) -> Lease:
    token, watch, waits = uuid.uuid4().hex, _Watch(), False
    while True:
        newest = _newest(files, work)
        if newest is None or has_ended(newest.process) or watch.silent_s(files, work, newest) > LEASE_S:
            number = 1 + (newest.number if newest else 0)
            files.write(_beat_name(work, token), b"1")
            content = json.dumps({"token": token, "process": this_process()}).encode()
            created = files.create(_lease_name(work, number), content)
            # not what `create` says counts: its answer may be lost, or another have come with a higher number
            after = _newest(files, work)
            if after is not None and after.token == token:
                _clear(files, work, number)
                return Lease(files, work, number, token)
            mine = [_lease_name(work, number)] if created else []
            files.remove([*mine, _beat_name(work, token)])
        if not waits:
            waits = True
            wait()
        time.sleep(POLL_S)


def _newest(files: Files, work: str) -> _Holder | None:
    """The holder; None when there is none."""
    numbers = _numbers(files, work)
    return _holder(files, work, max(numbers)) if numbers else None


def _numbers(files: Files, work: str) -> list[int]:
    return [int(name[:-5]) for name in files.children(f"{FOLDER}/{work}") if name[:-5].isdecimal()]


def _holder(files: Files, work: str, number: int) -> _Holder | None:
    content = _read(files, _lease_name(work, number))
    if content is None:
        return None
    try:
        facts = json.loads(content)
        return _Holder(number, str(facts["token"]), str(facts["process"]))
    except (ValueError, TypeError, KeyError):
        return _Holder(number)  # of another version: only its silence tells


def _read(files: Files, name: str) -> bytes | None:
    """Content of an object; None where it was let go, be it in this moment."""
    try:
        return files.read(name) if files.exists(name) else None
    except StoreError:
        if files.exists(name):
            raise
        return None


def _clear(files: Files, work: str, number: int) -> None:
    """Remove the leases before this one."""
    for old in _numbers(files, work):
        holder = _holder(files, work, old) if old < number else None
        if holder is not None:
            files.remove([_lease_name(work, old), _beat_name(work, holder.token)])


def _lease_name(work: str, number: int) -> str:
    return f"{FOLDER}/{work}/{number:08d}.json"


def _beat_name(work: str, token: str) -> str:
    return f"{FOLDER}/{work}/{token}.beat"
