"""Which process of which machine: so that another process of that machine can tell when it has ended."""

import os
from pathlib import Path

PROC = Path("/proc")
STATE, STARTED = 0, 19
"""Fields of `/proc/PID/stat` behind the name of the program: its state, and when it began in ticks since the boot."""
ENDED = ("Z", "X")


def this_process() -> str:
    """Boot, process namespace, number and start of this process; empty where the system does not tell them."""
    return _identity(os.getpid())


def has_ended(identity: str) -> bool:
    """Whether the process is one of this machine, this boot and this namespace, and is there no more."""
    ours = this_process().split()
    theirs = identity.split()
    if len(ours) != 4 or len(theirs) != 4 or ours[:2] != theirs[:2] or not theirs[2].isdecimal():
        return False
    return _identity(int(theirs[2])) != identity


def _identity(process: int) -> str:
    """Of a process that runs; empty for one that has ended."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = str((PROC / "self/ns/pid").readlink())
        # the name of the program stands in brackets, and may hold any
        fields = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[STATE] in ENDED else f"{boot} {namespace} {process} {fields[STARTED]}"
