"""What the cases measured, as JSON lines in the file that `KWS_FAULTS` names."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "KWS_FAULTS"


@dataclass(frozen=True)
class Row:
    """A fault in a stage, and what it came to."""

    case: int
    """Number of the group of faults."""
    fault: str
    stage: str
    saw: str
    """What the user saw."""
    ended: str
    """By itself, or by a rerun."""
    seconds: float | None = None
    undisturbed_s: float | None = None
    lost: str = "none"


def note(row: Row) -> None:
    """Append a row to the file, if one is named, and print it."""
    line = json.dumps(asdict(row), ensure_ascii=False)
    print(line)
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
