"""Reading objects: whole, in ranges, many at once, or at any position."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from kws_core import s3
from kws_core.errors import StoreError
from kws_core.files.root import Root

RANGE_BYTES = 8 << 20
"""Bytes of one request where an object is read in several at a time."""
REQUESTS = 8
"""Requests in flight for one object."""


class Reads(Root):
    """Objects under a root as they are read: complete or not at all."""

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
            content: bytes = s3.patiently(lambda: self._filesystem.cat_file(self.path(name), **options))
        except FileNotFoundError as error:
            raise StoreError(f"{self.root}: {name} is missing") from error
        except self._refusals as error:
            raise self._unreadable(name, error) from error
        return content

    def read_many(self, names: list[str]) -> list[bytes]:
        """Return the bytes of small objects, in their order; on S3 many are under way at once.

        Raises:
            StoreError: one is missing or cannot be read.
        """
        if not names:
            return []
        try:
            contents = s3.patiently(lambda: self._filesystem.cat([self.path(name) for name in names]))
        except FileNotFoundError as error:
            missing = next((name for name in names if not self.exists(name)), names[0])
            raise StoreError(f"{self.root}: {missing} is missing") from error
        except self._refusals as error:
            raise self._unreadable(f"one of {len(names)} objects from {names[0]} on", error) from error
        return [contents[self.path(name)] for name in names]

    def open(self, name: str) -> pa.NativeFile:
        """Open an object for reading at any position; raises `StoreError` when it is missing."""
        try:
            return s3.patiently(lambda: self._reader.open_input_file(self.path(name)))
        except FileNotFoundError as error:
            raise StoreError(f"{self.root}: {name} is missing") from error
        except self._refusals as error:
            raise self._unreadable(name, error) from error

    def _read_ranges(self, name: str) -> bytes:
        with self.open(name) as file, ThreadPoolExecutor(REQUESTS) as pool:
            try:
                starts = range(0, file.size(), RANGE_BYTES)
                # `read_at` may be called by several threads
                return b"".join(pool.map(lambda start: s3.patiently(lambda: file.read_at(RANGE_BYTES, start)), starts))
            except OSError as error:
                raise self._unreadable(name, error) from error
