"""What the factory says, as records of `logging` with the ids of run, stage and part.

On the terminal they are plain lines. With `KWS_LOG=json` each is one JSON object on standard error: `time` (ISO 8601,
UTC), `level`, `message`, `run` (of Prefect), `stage` and `part`, null where there is none.
"""

import functools
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from rich.text import Text

from kws_core.errors import ConfigError
from tasks.flow_run import flow_run_id

VARIABLE = "KWS_LOG"
ACCEPTED = ("text", "json")

_ids: ContextVar[tuple[str, str, str]] = ContextVar("kws_log_ids", default=("", "", ""))


@contextmanager
def log_ids(run: str = "", stage: str = "", part: str = "") -> Iterator[None]:
    """Give all records of the block these ids; what is empty stays as it was."""
    before = _ids.get()
    token = _ids.set((run or before[0], stage or before[1], part or before[2]))
    try:
        yield
    finally:
        _ids.reset(token)


def is_structured() -> bool:
    """Whether a program reads the log; raises `ConfigError` where the variable says neither that nor text."""
    wanted = os.environ.get(VARIABLE) or ACCEPTED[0]
    if wanted not in ACCEPTED:
        raise ConfigError(f"{VARIABLE} is {wanted!r}; {' and '.join(ACCEPTED)} are accepted")
    return wanted == "json"


@functools.cache
def logger() -> logging.Logger:
    """The logger of the factory; records have a `label` beside their message, which says what they are about.

    Messages may have rich's markup. Raises `ConfigError` as `is_structured` does.
    """
    found = logging.getLogger("kws")
    found.propagate = False
    found.setLevel(logging.DEBUG if is_structured() else logging.INFO)
    found.handlers[:] = [_JsonHandler() if is_structured() else _TerminalHandler()]
    return found


def log(level: int, label: str, text: str, part: str = "") -> None:
    """Say one line about a stage or a dataset."""
    logger().log(level, "%s", text, extra={"label": label, "part": part})


def without_markup(text: str) -> str:
    """A message as the terminal shows it."""
    return Text.from_markup(text, emoji=False).plain


class PlainLines(logging.Formatter):
    """The message without markup, after what it is about where that is not the stage itself."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        label, (_, stage, _) = getattr(record, "label", ""), _ids.get()
        text = without_markup(record.getMessage())
        return f"{label}: {text}" if label and stage and label != stage else text


class JsonLines(PlainLines):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        run, stage, part = _ids.get()
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": super().format(record),
            "run": run or flow_run_id() or None,
            "stage": stage or getattr(record, "label", "") or None,
            "part": getattr(record, "part", "") or part or None,
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


class _JsonHandler(logging.Handler):
    """Writes to what is standard error at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


class _TerminalHandler(logging.Handler):
    """One line a record, what it is about in a column of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        from tasks.console import console

        label = getattr(record, "label", "") or record.levelname.lower()
        console.print(f"[bold]{label:<12}[/bold] {record.getMessage()}", soft_wrap=True)
