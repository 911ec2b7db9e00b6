"""Prefect artifacts that never fail or delay a run: what goes wrong with one is said in the log."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from rich.markup import escape

from tasks.logs import log

PAUSE_S = 120.0
"""For so long no artifacts are tried after the server failed to take one: its client tries long by itself."""

_pause = {"until": 0.0}


def artifact_key(*names: str) -> str:
    """Names joined to a key as Prefect takes them: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(filter(None, names)).lower()).strip("-")


def attempt(what: str, write: Callable[[], Any]) -> Any | None:
    """Call what writes an artifact; None where it fails, which is logged, or where one failed a moment ago."""
    if time.monotonic() < _pause["until"]:
        return None
    try:
        return write()
    except Exception as error:  # nothing that Prefect raises is worth a run
        _pause["until"] = time.monotonic() + PAUSE_S
        reason = " ".join(str(error).split()) or type(error).__name__
        log(logging.WARNING, "prefect", escape(f"{what} was not taken; nothing is sent for {PAUSE_S:.0f} s: {reason}"))
        return None
