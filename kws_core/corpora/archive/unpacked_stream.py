"""The bytes inside a compressed tar, read forward only and counted."""

import bz2
import gzip
import io
import lzma
from pathlib import Path
from typing import IO, Protocol

from kws_core.corpora.archive.limits import ExtractionLimits
from kws_core.errors import CorpusError

_XZ_MEMORY_BYTES = 2**29


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class UnpackedStream:
    """What `tarfile` reads from: forward only, no faster growing than the limits allow, headers no longer than sane."""

    def __init__(self, archive: Path, packed: IO[bytes], limits: ExtractionLimits) -> None:
        """Recognise gzip, bzip2 and xz by their first bytes; anything else is read as it is."""
        self._archive = archive
        self._packed = packed
        self._limits = limits
        self._position = 0
        self._header_bytes_left = 0
        self.last = b""
        """What the last `read` returned."""
        start = packed.read(6)
        packed.seek(0)
        self._plain = False
        self._content: _Readable
        if start.startswith(b"\x1f\x8b"):
            self._content = gzip.GzipFile(fileobj=packed, mode="rb")
        elif start.startswith(b"BZh"):
            self._content = bz2.BZ2File(packed)
        elif start.startswith(b"\xfd7zXZ\x00"):
            self._content = io.BufferedReader(_XzReader(packed), 2**16)
        else:
            self._content = packed
            self._plain = True

    def allow_headers(self, size: int) -> None:
        """Let `tarfile` read so many bytes of headers; it holds them in memory whole."""
        self._header_bytes_left = size

    def tell(self) -> int:
        """Position in the unpacked bytes."""
        return self._position

    def seek(self, position: int) -> int:
        """Skip forward to a position; at the end of the content it stays there."""
        if position < self._position:
            raise ValueError("a header points backwards")
        while self._position < position and self.content(min(2**20, position - self._position)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        """Read header bytes within what was allowed."""
        if not 0 <= size <= self._header_bytes_left:
            raise ValueError("its headers are too long")
        self._header_bytes_left -= size
        self.last = self.content(size)
        return self.last

    def content(self, size: int) -> bytes:
        """Read up to `size` bytes, fewer only at the end.

        Raises:
            CorpusError: the content grows faster than the limits allow.
        """
        chunks, missing = [], size
        while missing and (chunk := self._content.read(missing)):
            chunks.append(chunk)
            missing -= len(chunk)
            self._position += len(chunk)
            self._check_ratio()
        return b"".join(chunks)

    def _check_ratio(self) -> None:
        if self._plain or self._position <= self._limits.ratio_from_bytes:
            return
        if self._position > self._limits.ratio * self._packed.tell():
            raise CorpusError(f"{self._archive}: unpacks to far more than its size: a bomb")


class _XzReader(io.RawIOBase):
    """xz streams one after the other; unlike `lzma.LZMAFile` it bounds the decoder's memory."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._pending = b""
        self._decoder: lzma.LZMADecompressor | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._decoder is None or self._decoder.eof:
                self._pending = (self._decoder.unused_data if self._decoder else b"") or self._packed.read(2**16)
                # padding between streams is zeros, in fours
                self._pending = self._pending.lstrip(b"\0") if self._decoder else self._pending
                if not self._pending:
                    return 0
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
            elif self._decoder.needs_input:
                self._pending = self._packed.read(2**16)
                if not self._pending:
                    raise EOFError("the compressed data end early")
            chunk = self._decoder.decompress(self._pending, len(buffer))
            self._pending = b""
            if chunk:
                buffer[: len(chunk)] = chunk
                return len(chunk)
