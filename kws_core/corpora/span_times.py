"""Start and end of recordings that are spans of a file."""

import math
from typing import Any


def span_times(start: Any, end: Any) -> tuple[float, float | None] | str:
    """Seconds from the start of the file, or why they are none; an end of None is the end of the file.

    Numbers and their texts are accepted.
    """
    try:
        start_s, end_s = float(start), None if end is None else float(end)
    except (TypeError, ValueError):
        return f"its start {start!r} and end {end!r} are not both numbers of seconds"
    if not math.isfinite(start_s) or start_s < 0:
        return f"its start is {start_s:g} s; 0 s or later is accepted"
    if end_s is not None and not start_s < end_s < math.inf:
        return f"its end ({end_s:g} s) is not after its start ({start_s:g} s)"
    return start_s, end_s
