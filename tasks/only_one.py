"""One run at a time does what several would do twice, in one folder: a search, a refit."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kws_core.lease import Lease, only_holder
from kws_core.store import Store
from tasks.console import say

_held: ContextVar[Lease | None] = ContextVar("held", default=None)


@contextmanager
def only_one(store: Store, kind: str, key: str) -> Iterator[None]:
    """Wait until no other run is at it; what that one has finished is then in the store.

    Raises:
        StoreError: the store cannot be read or written, or, when the block has ended, another run took it over.
    """

    def wait() -> None:
        say(kind, "another run is at the same one: waiting for it")

    with only_holder(store.files, f"{kind}-{key[:16]}", wait) as lease:
        before = _held.set(lease)
        try:
            yield
            lease.check()
        finally:
            _held.reset(before)


def check_still_one() -> None:
    """Raise `StoreError` when another run took over what this one is at."""
    lease = _held.get()
    if lease is not None:
        lease.check()
