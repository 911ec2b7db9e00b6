"""A watch over the head of a Ray cluster: a driver whose head was replaced by another waits for ever, and says nothing.

Where the head does not come back, Ray ends the driver itself, after a minute.
"""

import os
import threading
import time
from typing import Any

LOOK_S = 10.0
REPLACED = "WrongClusterID"
"""What another head answers to who was connected to the one before."""

_watch: dict[str, Any] = {"thread": None, "parent_tells": False}


def watch_head(address: str) -> None:
    """Begin to look every `LOOK_S` whether the head is still the same; where it is not, this process ends.

    Nothing can go on then: the cluster's objects are lost, and calls of Ray do not return.
    """
    if _watch["thread"] is None or not _watch["thread"].is_alive():
        _watch["thread"] = threading.Thread(target=_look, args=(address,), name="watch of Ray's head", daemon=True)
        _watch["thread"].start()


def leave_it_to_the_parent() -> None:
    """Say nothing where the watch ends this process: another one does."""
    _watch["parent_tells"] = True


def head_is_lost(address: str) -> str:
    """What is said of it."""
    return (
        f"Ray ended this command, as it does when the head of the cluster at {address} is lost or was restarted; "
        "what was finished is kept: run it again when `kws doctor` finds the cluster"
    )


def _look(address: str) -> None:
    import ray
    from ray.experimental.internal_kv import _internal_kv_exists

    while True:
        time.sleep(LOOK_S)
        if not ray.is_initialized():
            return
        try:
            _internal_kv_exists(b"kws")
        except Exception as error:  # an outage is not the end
            if REPLACED in str(error):
                if not _watch["parent_tells"]:
                    from tasks.console import say_error

                    say_error(head_is_lost(address))
                os._exit(1)
