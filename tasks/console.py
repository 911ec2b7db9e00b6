"""What a person at the terminal sees: one line a stage, a bar while it computes."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

console = Console(stderr=True, highlight=False)
if not console.is_terminal:
    console.width = 120  # a log file has no edge to wrap at


class Bar:
    """Progress of one stage."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        """Wrap a running bar."""
        self._progress = progress
        self._task = task

    def advance(self, note: str = "") -> None:
        """One more unit is done; say something about it."""
        self._progress.update(self._task, advance=1, note=note)


@contextmanager
def bar(stage: str, total: int) -> Iterator[Bar]:
    """Show a bar while units of a stage are computed; it vanishes when they are."""
    columns = [
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task(stage, total=total, note=""))


def say(stage: str, text: str) -> None:
    """One line about a finished stage."""
    console.print(f"[bold]{stage:<12}[/bold] {text}", soft_wrap=True)
