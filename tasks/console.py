"""What a person at the terminal sees: one line a stage, a bar while it computes. A program gets records instead."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tasks.logs import VARIABLE, is_structured, log, logger, without_markup
from tasks.stage_progress import StageProgress
from tasks.stage_record import note_line

# a program that reads the lines wants no bars between them
console = Console(stderr=True, highlight=False, force_terminal=False if os.environ.get(VARIABLE) == "json" else None)
if not console.is_terminal:
    console.width = 120  # a log file has no edge to wrap at


LINE_EVERY_S = 60.0
"""How often a stage says where it is when nobody sees its bar."""


class Bar:
    """Progress of one stage."""

    def __init__(self, stage: str, total: int, progress: Progress, task: TaskID) -> None:
        """Wrap a running bar, and begin its artifact in Prefect."""
        self._stage = stage
        self._total = total
        self._progress = progress
        self._task = task
        self._done = 0
        self._told = StageProgress(stage)
        self._started = self._said = time.monotonic()

    def advance(self, note: str = "") -> None:
        """One more unit is done; say something about it. A log file gets a line a minute instead of the bar."""
        self._done += 1
        self._progress.update(self._task, advance=1, note=note)
        self._told.moved(self._done / self._total)
        now = time.monotonic()
        if self._done == 1:
            self._started = now  # what came before was the start of the workers
        elif self._progress.disable and now - self._said >= LINE_EVERY_S and self._done < self._total:
            self._said = now
            left_s = (now - self._started) / (self._done - 1) * (self._total - self._done)
            text = f"{self._done:,} of {self._total:,}, about {max(round(left_s / 60), 1):,} min left"
            log(logging.INFO, self._stage, text)

    def close(self) -> None:
        """There is no more to show."""
        self._told.close()


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
        running = Bar(stage, total, progress, progress.add_task(stage, total=total, note=""))
        try:
            yield running
        finally:
            running.close()


def say(stage: str, text: str) -> None:
    """One line about a finished stage, which its summary in Prefect has too."""
    note_line(stage, without_markup(text))
    log(logging.INFO, stage, text)


def show(what: RenderableType) -> None:
    """A table or a line for people; a program gets every line of it as a record."""
    if not is_structured():
        console.print(what, soft_wrap=isinstance(what, str))
        return
    with console.capture() as captured:
        console.print(what, soft_wrap=isinstance(what, str))
    for line in filter(None, map(str.strip, captured.get().splitlines())):
        logger().info("%s", escape(line))


def say_error(text: str) -> None:
    """What stops a command, in one sentence."""
    if os.environ.get(VARIABLE) == "json":
        logger().error("%s", escape(text))
    else:
        sys.stderr.write(f"error: {text}\n")
