"""A watch over the head of a Ray cluster: a driver whose head was replaced by another waits for ever, and says nothing.

Where the head does not come back, Ray ends the driver itself, after a minute.
"""

import atexit
import os
import sys
import threading
import time

LOOK_S = 10.0
GRACE_S = 60.0
"""For so long a driver may go on without Ray: it may be about to end, or to connect to the new head."""
REPLACED = "WrongClusterID"
"""What another head answers to who was connected to the one before."""


class _Watch:
    thread: threading.Thread | None = None
    lost = False
    ended = False
    parent_tells = False


def watch_head(address: str) -> None:
    """Begin to look every `LOOK_S` whether the head is still the same.

    Where it is not, its objects are lost and calls of Ray do not return: the process ends after `GRACE_S`.
    """
    _Watch.lost = False
    if _Watch.thread is None or not _Watch.thread.is_alive():
        _Watch.thread = threading.Thread(target=_look, args=(address,), name="watch of Ray's head", daemon=True)
        _Watch.thread.start()


def head_was_replaced() -> bool:
    """Whether the head that this process is connected to is there no more."""
    return _Watch.lost


def leave_it_to_the_parent() -> None:
    """Say nothing where the watch ends this process: another one does."""
    _Watch.parent_tells = True


def end_watch() -> None:
    """The command has come to its end by itself, which is not disturbed any more."""
    _Watch.ended = True


def head_is_lost(address: str) -> str:
    """What is said of it."""
    return (
        f"Ray ended this command, as it does when the head of the cluster at {address} is lost or was restarted; "
        "what was finished is kept: run it again when `kws doctor` finds the cluster"
    )


def _look(address: str) -> None:
    import ray
    from ray.experimental.internal_kv import _internal_kv_exists

    while not _Watch.ended:
        time.sleep(LOOK_S)
        try:
            if ray.is_initialized():
                _internal_kv_exists(b"kws")
        except Exception as error:  # an outage is not the end
            if REPLACED in str(error):
                _Watch.lost = True
                _say_no_traceback()
                _wait_for_end(address)


def _wait_for_end(address: str) -> None:
    deadline = time.monotonic() + GRACE_S
    while _Watch.lost and not _Watch.ended:
        if time.monotonic() > deadline:
            if not _Watch.parent_tells:
                from tasks.console import say_error

                say_error(head_is_lost(address))
            os._exit(1)
        time.sleep(0.5)


def _say_no_traceback() -> None:
    """Tune, where it was used, tells the head in the end what it need not know any more, which fails loudly."""
    forget = getattr(sys.modules.get("ray.tune.registry"), "_unregister_all", None)
    if forget is not None:
        atexit.unregister(forget)
