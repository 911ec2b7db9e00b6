"""Progress of downloads on the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

OnProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a file's name, its bytes so far and its size in bytes (None: unknown)."""


@contextmanager
def progress_bars(console: Console | None = None) -> Iterator[OnProgress]:
    """Show one bar a file while the block runs; pass what it yields to `fetch` as `on_progress`.

    Where the console is no terminal (a log file), each file is a line when it starts and one when all bytes are here.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    console = console or Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def show(name: str, done_bytes: int, total_bytes: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name), total=total_bytes)
                _log(console, f"{name}: {'an unknown number of' if total_bytes is None else f'{total_bytes:,}'} bytes")
            if done_bytes == total_bytes:
                _log(console, f"{name}: all bytes are here")
            progress.update(tasks[name], completed=done_bytes, total=total_bytes)

        yield show


def _log(console: Console, line: str) -> None:
    if not console.is_terminal:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
