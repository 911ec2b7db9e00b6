"""Local files that a reader sees complete or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a local file under a temporary name and rename it; missing folders are made."""
    with _finished_temporary(path, content) as temporary:
        temporary.replace(path)


def create_atomically(path: Path, content: bytes) -> None:
    """Write a local file that must not exist yet; missing folders are made.

    Raises:
        FileExistsError: it exists, and is left as it is.
    """
    with _finished_temporary(path, content) as temporary:
        os.link(temporary, path)


def temporary_name(path: Path) -> Path:
    """A name beside the path that nobody else takes; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


@contextmanager
def _finished_temporary(path: Path, content: bytes) -> Iterator[Path]:
    """The content on disk under a temporary name beside the path."""
    temporary = temporary_name(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
