"""What a person at the terminal sees: one line a stage, a bar while it computes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(stderr=True, highlight=False)
if not console.is_terminal:
    console.width = 120  # a log file has no edge to wrap at


LINE_EVERY_S = 60.0
"""How often a stage says where it is when nobody sees its bar."""


class Bar:
    """Progress of one stage."""

    def __init__(self, stage: str, total: int, progress: Progress, task: TaskID) -> None:
        """Wrap a running bar."""
        self._stage = stage
        self._total = total
        self._progress = progress
        self._task = task
        self._done = 0
        self._started = self._said = time.monotonic()

    def advance(self, note: str = "") -> None:
        """One more unit is done; say something about it. A log file gets a line a minute instead of the bar."""
        self._done += 1
        self._progress.update(self._task, advance=1, note=note)
        now = time.monotonic()
        if self._done == 1:
            self._started = now  # what came before was the start of the workers
        elif self._progress.disable and now - self._said >= LINE_EVERY_S and self._done < self._total:
            self._said = now
            left_s = (now - self._started) / (self._done - 1) * (self._total - self._done)
            say(self._stage, f"{self._done:,} of {self._total:,}, about {max(round(left_s / 60), 1):,} min left")


@contextmanager
def bar(stage: str, total: int) -> Iterator[Bar]:
    """Show a bar while units of a stage are computed; it vanishes when they are."""
    columns = [
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(stage, total, progress, progress.add_task(stage, total=total, note=""))


def say(stage: str, text: str) -> None:
    """One line about a finished stage."""
    console.print(f"[bold]{stage:<12}[/bold] {text}", soft_wrap=True)
