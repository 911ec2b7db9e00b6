"""Where bytes come from: HTTP, S3 or a local folder behind one interface."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class TransientError(Exception):
    """A failure that may pass: it is tried again after a wait."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        """Keep the reason and the seconds that the server asks to wait, if it does."""
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Answer:
    """What a source sends: `chunks` start at byte `start` of a file of `total` bytes (None: it does not say)."""

    start: int
    total: int | None
    validator: str | None
    """Names this version of the content; None where the source cannot tell versions apart."""
    chunks: Iterator[bytes]


class Source(Protocol):
    """One remote file that can be read from an offset."""

    def open(self, offset: int, validator: str | None) -> AbstractContextManager[Answer]:
        """Start reading.

        Args:
            offset: bytes that are here already.
            validator: version of the content that they come from; where it is given and no longer current, the answer
                starts at 0.

        Raises:
            TransientError: worth another try; `chunks` may raise it too.
            CorpusError: no further try will help.
        """
        ...
