"""Regular files and folders, written below one folder and nowhere else."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from kws_core.corpora.archive.limits import ExtractionLimits
from kws_core.corpora.archive.member_name import caseless, is_macos_metadata, member_parts
from kws_core.errors import CorpusError

RECORD_NAME = ".extracted.json"
"""Name of the record that a finished folder holds; no member may take it."""

_CHUNK_BYTES = 2**20


class TreeWriter:
    """Counts and writes members; refuses names that repeat or that some file systems take for the same."""

    def __init__(
        self, archive: Path, root: Path, limits: ExtractionLimits, members: Callable[[str], bool] | None
    ) -> None:
        """Write below `root`, which exists and is empty."""
        self._archive = archive
        self._root = root
        self._limits = limits
        self._members = members
        self._count = 0
        self.written_bytes = 0
        self._folders: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
        # only names that differ from their caseless form; the others are looked up in the file system
        self._cased: dict[tuple[tuple[str, ...], str], str] = {}

    def accept(self, raw: str) -> tuple[str, ...]:
        """Count a member and return the parts of its name; empty when it is to be skipped.

        Raises:
            CorpusError: the name is not accepted, or there are too many members.
        """
        self._count += 1
        if self._count > self._limits.members:
            raise CorpusError(f"{self._archive}: holds more than {self._limits.members:,} members")
        try:
            parts = member_parts(raw)
        except ValueError as error:
            raise self.refusal(raw, str(error)) from None
        if not parts or is_macos_metadata(parts):
            return ()
        if caseless(parts[0]) == RECORD_NAME:
            raise self.refusal(raw, "its name is reserved")
        return parts if self._members is None or self._members("/".join(parts)) else ()

    def folder(self, parts: tuple[str, ...]) -> Path:
        """Make a folder and those above it."""
        path = self._root
        for depth in range(1, len(parts) + 1):
            exact = parts[:depth]
            path = path / exact[-1]
            key = tuple(caseless(part) for part in exact)
            known = self._folders.get(key)
            if known == exact:
                continue
            if known is not None:
                raise self._clash(exact, "/".join(known))
            self._require_new(exact, key)
            try:
                path.mkdir(mode=0o755)
            except FileExistsError:
                raise self._clash(exact, "/".join(exact)) from None
            except OSError as error:
                raise self._unwritable(error) from error
            self._folders[key] = exact
        return path

    def file(self, parts: tuple[str, ...], read: Callable[[int], bytes], size_bytes: int | None = None) -> None:
        """Write a file of what `read(n)` returns until it returns nothing, or `size_bytes` of it.

        Raises:
            CorpusError: the name repeats, a limit is exceeded, the content ends early, or the disk refuses.
        """
        path = self.folder(parts[:-1]) / parts[-1]
        key = tuple(caseless(part) for part in parts)
        if key in self._folders:
            raise self._clash(parts, "/".join(self._folders[key]))
        self._require_new(parts, key)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise self._clash(parts, "/".join(parts)) from None
        except OSError as error:
            raise self._unwritable(error) from error
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            written = 0
            while size_bytes is None or written < size_bytes:
                chunk = read(_CHUNK_BYTES if size_bytes is None else min(_CHUNK_BYTES, size_bytes - written))
                if not chunk and size_bytes is None:
                    return
                if not chunk:
                    raise self.refusal("/".join(parts), f"it ends after {written:,} of {size_bytes:,} bytes")
                written += len(chunk)
                self._count_bytes(parts, len(chunk), written)
                self._write(file.write, chunk)

    def refusal(self, raw: str, reason: str) -> CorpusError:
        """Return the error that names archive and member."""
        shown = raw if len(raw) <= 200 else f"{raw[:200]}…"
        return CorpusError(f"{self._archive}: member {shown!a} is refused: {reason}")

    def _count_bytes(self, parts: tuple[str, ...], more: int, written: int) -> None:
        if written > self._limits.member_bytes:
            raise self.refusal("/".join(parts), f"it is larger than {self._limits.member_bytes:,} bytes")
        self.written_bytes += more
        if self.written_bytes > self._limits.total_bytes:
            raise CorpusError(f"{self._archive}: unpacks to more than {self._limits.total_bytes:,} bytes")

    def _write(self, write: Callable[[memoryview], int | None], chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            try:
                view = view[write(view) or 0 :]
            except OSError as error:
                raise self._unwritable(error) from error

    def _require_new(self, parts: tuple[str, ...], key: tuple[str, ...]) -> None:
        """Refuse a name whose caseless form is there already, and remember it."""
        folder = parts[:-1]
        known = self._cased.get((folder, key[-1]))
        if known is not None:
            raise self._clash(parts, "/".join((*folder, known)))
        if parts[-1] != key[-1]:
            if os.path.lexists(self._root.joinpath(*folder, key[-1])):
                raise self._clash(parts, "/".join((*folder, key[-1])))
            self._cased[folder, key[-1]] = parts[-1]

    def _clash(self, parts: tuple[str, ...], other: str) -> CorpusError:
        name = "/".join(parts)
        if name == other:
            return self.refusal(name, "its name repeats")
        return self.refusal(name, f"its name differs from {other!a} only in case or Unicode normalisation")

    def _unwritable(self, error: OSError) -> CorpusError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return CorpusError(
                f"{self._archive}: no room on the disk to unpack it, {self.written_bytes:,} bytes were written "
                f"({error.strerror}); make room and run again"
            )
        return CorpusError(f"{self._archive} cannot be unpacked below {self._root.parent}: {error.strerror or error}")
