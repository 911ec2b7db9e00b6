"""What a leak check found, and the error that it ends in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config.evaluation import LeakCheck
from kws_core.errors import LeakError

SHOWN = 10


@dataclass(frozen=True)
class Leak:
    """Rows of a test that make its figures too good or mean something else."""

    check: LeakCheck
    said: str
    """What is wrong, without the rows."""
    count: int
    """Rows that leak."""
    rows: tuple[str, ...]
    """The first ten of them, in words."""

    @property
    def sentence(self) -> str:
        """The finding with its count and first rows."""
        more = f" … and {self.count - len(self.rows):,} more" if self.count > len(self.rows) else ""
        return f"{self.said} ({self.count:,} rows): {'; '.join(self.rows)}{more}"


def refuse_leaks(leaks: Iterable[Leak | None], allowed: Sequence[str]) -> list[Leak]:
    """The leaks of `allowed` checks, for the report.

    Raises:
        LeakError: there are others; it lists the rows of each.
    """
    found = [leak for leak in leaks if leak is not None]
    refused = [leak for leak in found if leak.check not in allowed]
    if refused:
        names = ", ".join(leak.check for leak in refused)
        raise LeakError(
            f"the test leaks: {' | '.join(leak.sentence for leak in refused)}. Mend the data, or accept the figures as "
            f"they are with evaluation.leaks.allowed: [{names}]"
        )
    return found


def name_rows(selection: pa.Table, rows: NDArray[np.int64]) -> list[str]:
    """Segment, label and speaker of the first of `rows` of a selection, in words."""
    named = selection.select(["segment_id", "label", "speaker_id"]).take(pa.array(rows[:SHOWN])).to_pylist()
    return [f"segment {row['segment_id']} {row['label']!r} of speaker {row['speaker_id']}" for row in named]


def splits(selection: pa.Table) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows of a selection are trained on, and which are tested, each `[rows]`."""
    names = selection["split"]
    found: list[NDArray[np.bool_]] = [
        np.asarray(pa.compute.equal(names, split).to_numpy(), np.bool_) for split in ("train", "test")
    ]
    return found[0], found[1]
