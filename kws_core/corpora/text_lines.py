"""Lines of text files that list recordings."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kws_core.errors import CorpusError


def read_lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    """Numbered lines, from 1, of a UTF-8 file (gzip where its name ends in `.gz`), without their ends; one at a time.

    Args:
        path: the file.
        what: what an error calls it, such as `manifest`.

    Raises:
        CorpusError: it is missing, unreadable or not UTF-8.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            start = 0
            # bytes end lines at \n only: a transcript may hold a Unicode line separator
            for number, line in enumerate(file, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise CorpusError(f"{path}: the {what} is not UTF-8 (byte {start + error.start})") from error
                start += len(line)
                yield number, text.removesuffix("\n").removesuffix("\r")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: the {what} does not exist") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise CorpusError(f"{path}: the {what} cannot be read: {reason}") from error


def read_json_lines(path: Path, what: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Numbered JSON objects, one a line; None where a line is no JSON object. Empty lines are left out."""
    for number, line in read_lines(path, what):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            yield number, value if isinstance(value, dict) else None
