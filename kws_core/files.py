"""Whole-object reads and writes on a local folder or `s3://`: a reader sees an object complete or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
from pyarrow import fs

from kws_core import s3
from kws_core.atomic_file import create_atomically, temporary_name, write_atomically
from kws_core.errors import StoreError

RANGE_BYTES = 8 << 20
"""Bytes of one request where an object is read in several at a time."""
REQUESTS = 8
"""Requests in flight for one object."""


@dataclass(frozen=True)
class Details:
    """What a listing says of an object."""

    size_bytes: int
    modified_s: float
    """Seconds since 1970, by the clock of the store."""


class Files:
    """Objects under one root URL, named by relative paths with `/`."""

    def __init__(self, root: str) -> None:
        """Open a root such as `runs/demo/store` or `s3://bucket/prefix`; nothing is created yet."""
        self.root = root.rstrip("/")
        try:
            # another process may write between two looks at a folder, so nothing listed is remembered
            options = s3.client_options() if self.root.startswith("s3:") else {}
            self._filesystem, base = fsspec.core.url_to_fs(self.root, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise StoreError(f"store {root!r} cannot be opened: {error}") from error
        self._base: str = base
        self._local = "file" in self._protocols()
        self._s3 = "s3" in self._protocols()
        self._refusals: tuple[type[Exception], ...] = (
            OSError,
            NotImplementedError,
            *(s3.client_errors() if self._s3 else ()),
        )

    def path(self, name: str) -> str:
        """Full path of an object, as the file system knows it."""
        return f"{self._base}/{name}"

    def exists(self, name: str) -> bool:
        """Tell whether the object is there; raises `StoreError` when the store cannot be reached."""
        try:
            return bool(self._filesystem.exists(self.path(name)))
        except self._refusals as error:
            raise self._unreadable(name, error) from error

    def read(self, name: str, size_bytes: int = 0) -> bytes:
        """Return the object's bytes; of an object that is known to be large, several ranges at a time on S3.

        Raises:
            StoreError: it is missing or cannot be read.
        """
        if self._s3 and size_bytes > RANGE_BYTES:
            return self._read_ranges(name)
        try:
            # s3fs would ask for the size first to read what is large in ranges
            options = {"max_concurrency": 1} if self._s3 else {}
            content: bytes = self._filesystem.cat_file(self.path(name), **options)
        except FileNotFoundError as error:
            raise StoreError(f"{self.root}: {name} is missing") from error
        except self._refusals as error:
            raise self._unreadable(name, error) from error
        return content

    def open(self, name: str) -> pa.NativeFile:
        """Open an object for reading at any position; raises `StoreError` when it is missing."""
        try:
            return s3.patiently(lambda: self._reader.open_input_file(self.path(name)))
        except FileNotFoundError as error:
            raise StoreError(f"{self.root}: {name} is missing") from error
        except self._refusals as error:
            raise self._unreadable(name, error) from error

    @property
    def remote(self) -> bool:
        """Whether reads cost a round trip, so that several are best in flight."""
        return not self._local

    def write(self, name: str, content: bytes) -> None:
        """Write the object atomically: a temporary name and a rename locally, one put on S3.

        Raises:
            StoreError: the store refuses the write.
        """
        try:
            if self._local:
                write_atomically(Path(self.path(name)), content)
            else:
                self._filesystem.pipe_file(self.path(name), content)
        except self._refusals as error:
            raise self._unwritable(name, error) from error

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """A local file to write to, which becomes the object when the block ends; nothing is left when it raises.

        Raises:
            StoreError: the file or the store refuses the write.
        """
        folder: Path | None = None
        temporary: Path | None = None
        try:
            if self._local:
                temporary = temporary_name(Path(self.path(name)))
            else:
                folder = Path(tempfile.mkdtemp(prefix="kws-part-"))
                temporary = folder / "object"
            with temporary.open("wb") as file:
                yield file
                file.flush()
                if self._local:
                    os.fsync(file.fileno())
            if self._local:
                temporary.replace(self.path(name))
            else:
                # streamed in pieces, which S3 joins to one object at the end
                self._filesystem.put_file(str(temporary), self.path(name))
        except self._refusals as error:
            raise self._unwritable(name, error) from error
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            elif temporary is not None:
                temporary.unlink(missing_ok=True)

    def create(self, name: str, content: bytes) -> bool:
        """Write the object unless it exists; False when it does. Of several writers at once only one succeeds.

        Locally this is a hard link to a finished temporary file, on S3 a conditional put (`If-None-Match`).

        Raises:
            StoreError: the store refuses the write.
        """
        try:
            if self._local:
                create_atomically(Path(self.path(name)), content)
            else:
                self._filesystem.pipe_file(self.path(name), content, mode="create")
        except FileExistsError:
            return False
        except self._refusals as error:
            # S3 answers 409 while another conditional put of the same name is under way
            if "ConditionalRequestConflict" in repr(error.__cause__ or error):
                return False
            raise self._unwritable(name, error) from error
        return True

    def names(self, folder: str) -> list[str]:
        """Names of all objects below a folder, sorted; what other programs write on S3 to mark a folder is none."""
        if not self.exists(folder):
            return []
        try:
            found = self._filesystem.find(self.path(folder))
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return sorted(str(path)[len(self._base) + 1 :] for path in found if not str(path).endswith("/"))

    def details(self, folder: str) -> dict[str, Details]:
        """Size and age of all objects below a folder, by name; also of what killed writes left under other names."""
        try:
            found = self._filesystem.find(self.path(folder), detail=True)
        except FileNotFoundError:
            return {}
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return {
            str(path)[len(self._base) + 1 :]: Details(int(fact["size"]), _modified_s(fact))
            for path, fact in found.items()
            if not str(path).endswith("/")
        }

    def remove(self, names: list[str]) -> None:
        """Delete objects, a thousand a request on S3; one that is gone already is no error.

        Raises:
            StoreError: the store refuses it.
        """
        try:
            if self._local:
                for name in names:
                    with suppress(FileNotFoundError):
                        Path(self.path(name)).unlink()
            elif names:
                self._filesystem.rm([self.path(name) for name in names])
        except FileNotFoundError:
            if len(names) > 1:  # which one it was is not told
                for name in names:
                    self.remove([name])
        except self._refusals as error:
            first = f"{names[0]}, one of {len(names)}" if len(names) > 1 else names[0]
            raise StoreError(f"store {self.root!r} refuses to delete ({first}): {_one_line(error)}") from error

    @cached_property
    def _reader(self) -> fs.FileSystem:
        """Arrow's own client where it has one: its reads hold no interpreter lock."""
        if self._local:
            return fs.LocalFileSystem()
        return s3.reader() if self._s3 else fs.PyFileSystem(fs.FSSpecHandler(self._filesystem))

    def _read_ranges(self, name: str) -> bytes:
        with self.open(name) as file, ThreadPoolExecutor(REQUESTS) as pool:
            try:
                starts = range(0, file.size(), RANGE_BYTES)
                # `read_at` may be called by several threads
                return b"".join(pool.map(lambda start: s3.patiently(lambda: file.read_at(RANGE_BYTES, start)), starts))
            except OSError as error:
                raise self._unreadable(name, error) from error

    def _unwritable(self, name: str, error: Exception) -> StoreError:
        return StoreError(f"store {self.root!r} cannot be written ({name}): {_one_line(error)}")

    def children(self, folder: str) -> set[str]:
        """Names directly in a folder, without its own: a thousand a request on S3. Empty where there is none."""
        try:
            found = self._filesystem.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return set()
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return {str(path).rpartition("/")[2] for path in found}

    def read_many(self, names: list[str]) -> list[bytes]:
        """Return the bytes of small objects, in their order; on S3 many are under way at once.

        Raises:
            StoreError: one is missing or cannot be read.
        """
        if not names:
            return []
        try:
            contents = self._filesystem.cat([self.path(name) for name in names])
        except FileNotFoundError as error:
            missing = next((name for name in names if not self.exists(name)), names[0])
            raise StoreError(f"{self.root}: {missing} is missing") from error
        except self._refusals as error:
            raise self._unreadable(f"one of {len(names)} objects from {names[0]} on", error) from error
        return [contents[self.path(name)] for name in names]

    def _unreadable(self, name: str, error: Exception) -> StoreError:
        return StoreError(f"{self.root}: {name} cannot be read: {_one_line(error)}")

    def _protocols(self) -> tuple[str, ...]:
        protocol: Any = self._filesystem.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _modified_s(fact: dict[str, Any]) -> float:
    """When an object was written, of what a file system says of it."""
    moment: Any = fact.get("mtime", fact.get("LastModified"))
    return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
