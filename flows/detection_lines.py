"""Detections on the terminal: a table of all, or a line each as they happen."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from kws_core.detection import Detection

HEADER = f"{'keyword':<16} {'start s':>9} {'end s':>9} {'score':>7}"


class DetectionLines:
    """A line a detection, at once: JSON, or columns under a header."""

    def __init__(self, as_json: bool, keywords: Collection[str]) -> None:
        """Print detections of these keywords only."""
        self._as_json, self._keywords = as_json, keywords
        self.printed = 0

    def print(self, recording: str, detections: Sequence[Detection]) -> None:
        """Print the detections in a recording, and flush, so that a pipe hears of them."""
        for found in detections:
            if found.keyword not in self._keywords:
                continue
            if self._as_json:
                typer.echo(json.dumps({"recording": recording, **asdict(found)}, ensure_ascii=False))
            else:
                if not self.printed:
                    typer.echo(HEADER)
                times = f"{found.start_s:>9.2f} {found.end_s:>9.2f} {found.score:>7.2f}"
                typer.echo(f"{found.keyword:<16} {times}")
            self.printed += 1


class DetectionTable:
    """All detections of several recordings, as wide as they need."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, Detection]] = []

    def add(self, recording: str, detections: Sequence[Detection]) -> None:
        """Keep the detections in a recording."""
        self._rows += [(recording, found) for found in detections]

    def print(self, told_if_empty: bool) -> None:
        """Print the table; where there is nothing to print, say so or not."""
        table = Table("recording", "keyword", "start s", "end s", "score", box=None)
        for recording, found in self._rows:
            times = [f"{value:.2f}" for value in (found.start_s, found.end_s, found.score)]
            table.add_row(recording, found.keyword, *times)
        if self._rows or told_if_empty:
            Console().print(table if self._rows else "no keyword found")
