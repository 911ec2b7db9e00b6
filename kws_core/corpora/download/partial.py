"""The part of a file that has arrived, kept beside the target until it is whole."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from types import TracebackType

from kws_core.atomic_file import write_atomically
from kws_core.errors import CorpusError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Partial:
    """`NAME.partial` with its running checksums; `NAME.partial.json` tells which version it belongs to."""

    def __init__(self, target: Path, source: str) -> None:
        """Open what an earlier run left from the same source, or start empty; the caller holds the target's lock."""
        self.path = target.with_name(f"{target.name}.partial")
        self._state_path = target.with_name(f"{target.name}.partial.json")
        self._target = target
        self._source = source
        state = self._read_state()
        validator, total = state.get("validator"), state.get("total")
        self.validator = validator if isinstance(validator, str) else None
        self.total = total if isinstance(total, int) else None
        self.size = 0
        self._new_digests()
        try:
            self._file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
            if state.get("source") != source:
                self._file.truncate(0)
            while chunk := self._file.read(2**20):
                self._digest(chunk)
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> "Partial":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def restart(self, validator: str | None = None, total: int | None = None) -> None:
        """Drop all bytes; the next ones belong to this version of the file."""
        self.validator, self.total, self.size = validator, total, 0
        self._new_digests()
        state = {"source": self._source, "validator": validator, "total": total}
        try:
            self._file.seek(0)
            self._file.truncate(0)
            write_atomically(self._state_path, json.dumps(state).encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            CorpusError: the disk is full (what was written before is kept) or refuses the write.
        """
        view = memoryview(chunk)
        while view:
            try:
                count = self._file.write(view) or 0
            except OSError as error:
                raise self._unwritable(error) from error
            self._digest(view[:count])
            view = view[count:]

    def require_room(self, total: int | None) -> None:
        """Raise `CorpusError` when the rest of a file of `total` bytes does not fit on the disk."""
        free = shutil.disk_usage(self.path.parent).free
        missing = (total or 0) - self.size
        if missing > free:
            raise CorpusError(
                f"{self._target}: {missing:,} bytes are to come from {self._source} and {free:,} are free on the disk; "
                "make room and run again"
            )

    def digests(self) -> dict[str, str]:
        """`sha256` and `md5` of what has arrived, in hex."""
        return {"sha256": self._sha256.hexdigest(), "md5": self._md5.hexdigest()}

    def finish(self, path: Path) -> None:
        """Move the file to its final place."""
        try:
            os.fsync(self._file.fileno())
            self.path.replace(path)
            self._state_path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _digest(self, chunk: bytes | memoryview) -> None:
        self._sha256.update(chunk)
        self._md5.update(chunk)
        self.size += len(chunk)

    def _new_digests(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def _read_state(self) -> dict[str, object]:
        try:
            state = json.loads(self._state_path.read_bytes())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _unwritable(self, error: OSError) -> CorpusError:
        if error.errno in _NO_ROOM:
            return CorpusError(
                f"{self._target}: no room on the disk after {self.size:,} bytes of {self._source} ({error.strerror}); "
                "they are kept: make room and run again"
            )
        return CorpusError(f"{self.path} cannot be written: {error.strerror or error}")
