"""A root of objects: its address, the clients that reach it, and what is said when they fail."""

from functools import cached_property
from typing import Any

import fsspec
from pyarrow import fs

from kws_core import s3
from kws_core.errors import StoreError, StoreOutageError
from kws_core.outage import is_outage


class Root:
    """A folder or a prefix of a bucket, and the client that reaches what is under it."""

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

    @property
    def remote(self) -> bool:
        """Whether reads cost a round trip, so that several are best in flight."""
        return not self._local

    def exists(self, name: str) -> bool:
        """Tell whether the object is there; raises `StoreError` when the store cannot be reached."""
        try:
            return bool(self._filesystem.exists(self.path(name)))
        except self._refusals as error:
            raise self._unreadable(name, error) from error

    @cached_property
    def _reader(self) -> fs.FileSystem:
        """Arrow's own client where it has one: its reads hold no interpreter lock."""
        if self._local:
            return fs.LocalFileSystem()
        return s3.reader() if self._s3 else fs.PyFileSystem(fs.FSSpecHandler(self._filesystem))

    def _unreadable(self, name: str, error: Exception) -> StoreError:
        return store_error(f"{self.root}: {name} cannot be read: {one_line(error)}", error)

    def _unwritable(self, name: str, error: Exception) -> StoreError:
        return store_error(f"store {self.root!r} cannot be written ({name}): {one_line(error)}", error)

    def _protocols(self) -> tuple[str, ...]:
        protocol: Any = self._filesystem.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def store_error(message: str, error: Exception) -> StoreError:
    """What a store could not do, as an outage where it is one."""
    return StoreOutageError(message) if is_outage(error) else StoreError(message)


def one_line(error: Exception) -> str:
    """The words of an error without its line breaks."""
    return " ".join(str(error).split())
