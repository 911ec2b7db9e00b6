"""Files in a local folder: a mirror on a disk or a shared drive."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kws_core.corpora.download.source import Answer, TransientError
from kws_core.errors import CorpusError

_CHUNK_BYTES = 2**20


class FolderSource:
    """One local file; size and time of change stand for its version."""

    def __init__(self, path: Path) -> None:
        """Keep the path; nothing is opened yet."""
        self._path = path

    @contextmanager
    def open(self, offset: int, validator: str | None) -> Iterator[Answer]:
        """Open the file at `offset`; see `Source`."""
        if not self._path.is_file():
            raise CorpusError(f"{self._path} is missing")
        try:
            with self._path.open("rb") as file:
                status = self._path.stat()
                current = f"{status.st_size}-{status.st_mtime_ns}"
                start = offset if validator in (None, current) and offset <= status.st_size else 0
                file.seek(start)
                yield Answer(start, status.st_size, current, iter(lambda: file.read(_CHUNK_BYTES), b""))
        except PermissionError as error:
            raise CorpusError(f"{self._path} cannot be read: {error.strerror}") from None
        except OSError as error:
            raise TransientError(f"{self._path}: {error.strerror or error}") from None
