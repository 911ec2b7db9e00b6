"""Whole-object reads and writes on a local folder or `s3://`: a reader sees an object complete or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import fsspec

from kws_core.errors import StoreError


class Files:
    """Objects under one root URL, named by relative paths with `/`."""

    def __init__(self, root: str) -> None:
        """Open a root such as `runs/demo/store` or `s3://bucket/prefix`; nothing is created yet."""
        self.root = root.rstrip("/")
        try:
            # another process may write between two looks at a folder, so nothing listed is remembered
            self._filesystem, base = fsspec.core.url_to_fs(self.root, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise StoreError(f"store {root!r} cannot be opened: {error}") from error
        self._base: str = base
        self._local = "file" in self._protocols()
        self._refusals: tuple[type[Exception], ...] = (OSError, NotImplementedError, *_client_errors(self._protocols()))

    def path(self, name: str) -> str:
        """Full path of an object, as the file system knows it."""
        return f"{self._base}/{name}"

    def exists(self, name: str) -> bool:
        """Tell whether the object is there; raises `StoreError` when the store cannot be reached."""
        try:
            return bool(self._filesystem.exists(self.path(name)))
        except self._refusals as error:
            raise self._unreadable(name, error) from error

    def read(self, name: str) -> bytes:
        """Return the object's bytes.

        Raises:
            StoreError: it is missing or cannot be read.
        """
        try:
            content: bytes = self._filesystem.cat_file(self.path(name))
        except FileNotFoundError as error:
            raise StoreError(f"{self.root}: {name} is missing") from error
        except self._refusals as error:
            raise self._unreadable(name, error) from error
        return content

    def open(self, name: str) -> Any:
        """Open an object for reading at any position; raises `StoreError` when it is missing."""
        try:
            return self._filesystem.open(self.path(name), "rb")
        except FileNotFoundError as error:
            raise StoreError(f"{self.root}: {name} is missing") from error
        except self._refusals as error:
            raise self._unreadable(name, error) from error

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
            raise StoreError(f"store {self.root!r} cannot be written ({name}): {error}") from error

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
            raise StoreError(f"store {self.root!r} cannot be written ({name}): {error}") from error
        return True

    def names(self, folder: str) -> list[str]:
        """Names of all objects below a folder, sorted."""
        if not self.exists(folder):
            return []
        try:
            found = self._filesystem.find(self.path(folder))
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return sorted(str(path)[len(self._base) + 1 :] for path in found)

    def _unreadable(self, name: str, error: Exception) -> StoreError:
        return StoreError(f"{self.root}: {name} cannot be read: {error}")

    def _protocols(self) -> tuple[str, ...]:
        protocol: Any = self._filesystem.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)


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


@contextmanager
def _finished_temporary(path: Path, content: bytes) -> Iterator[Path]:
    """The content on disk under a temporary name beside the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _client_errors(protocols: tuple[str, ...]) -> tuple[type[Exception], ...]:
    """What an object store's client raises that is no OSError: no credentials, no endpoint."""
    if "s3" not in protocols:
        return ()
    exceptions = import_module("botocore.exceptions")
    return exceptions.BotoCoreError, exceptions.ClientError
