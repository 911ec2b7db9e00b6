"""Processes that belong together: told by a tag in their environment, whatever session or parent they moved to."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TAG = "KWS_STACK"
"""Environment variable that every process of a stack inherits; its value is that of one service."""
KILL_S = 20.0


def tagged(tag: str) -> list[int]:
    """Live processes whose environment has the tag, this one aside; read from /proc, so on Linux alone."""
    wanted = f"{TAG}={tag}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        # gone meanwhile, or another user's; the environment of a zombie is empty
        with suppress(OSError):
            if folder.name.isdigit() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [process for process in found if process != os.getpid()]


def kill(tag: str) -> int:
    """SIGKILL all that has the tag; returns how many there were.

    Raises:
        TimeoutError: some are still there after 20 s.
    """
    first = tagged(tag)
    left = first
    deadline = time.monotonic() + KILL_S
    while left:
        _send(left, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} survive SIGKILL")
        time.sleep(0.05)
        left = tagged(tag)
    return len(first)


def stop(tag: str, within_s: float, number: signal.Signals, first: int) -> int:
    """Ask the process `first` to end, then all that it leaves; SIGKILL what still runs; returns how many that were."""
    _send([first], number)
    deadline = time.monotonic() + within_s
    while tagged(tag) and time.monotonic() < deadline:
        if first not in (left := tagged(tag)):
            _send(left, signal.SIGTERM)
        time.sleep(0.1)
    return kill(tag)


def _send(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)
