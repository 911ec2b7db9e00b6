"""Reading tar archives, compressed or not."""

import lzma
import struct
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from kws_core.corpora.archive.limits import ExtractionLimits
from kws_core.corpora.archive.tree_writer import TreeWriter
from kws_core.corpora.archive.unpacked_stream import UnpackedStream
from kws_core.errors import CorpusError

_HEADER_BYTES = 2**18
"""Of one member, with its extended headers; a name of 1,024 bytes needs under 4 KiB."""

_BROKEN = (
    tarfile.TarError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
)
"""What damaged headers and streams make the standard library raise."""

_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


def write_tar_members(archive: Path, writer: TreeWriter, limits: ExtractionLimits) -> None:
    """Write the regular files and folders of a tar archive.

    Raises:
        CorpusError: the archive is damaged or truncated, or a member is refused.
    """
    with archive.open("rb") as packed:
        try:
            stream = UnpackedStream(archive, packed, limits)
            _write_members(stream, writer)
        except _BROKEN as error:
            raise CorpusError(f"{archive}: cannot be read as tar: {error or type(error).__name__}") from None


def _write_members(stream: UnpackedStream, writer: TreeWriter) -> None:
    stream.allow_headers(_HEADER_BYTES)
    # the bytes are asked for one by one: what the tar module does with links, owners and modes is never used
    with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:", errors="surrogateescape") as tar:
        member = tar.next()
        while member is not None:
            _write_member(member, stream, writer)
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header
            stream.allow_headers(_HEADER_BYTES)
            member = tar.next()
    # the tar module takes a damaged header, or no more bytes, for the end
    if len(stream.last) != tarfile.BLOCKSIZE:
        raise EOFError("it ends early")
    if stream.last.strip(b"\0"):
        raise ValueError(f"the header at byte {stream.tell() - tarfile.BLOCKSIZE:,} is damaged")
    while rest := stream.content(2**20):  # to the end, where the compressed stream has its checksum
        if rest.strip(b"\0"):
            raise ValueError("more data follow its end")


def _write_member(member: tarfile.TarInfo, stream: UnpackedStream, writer: TreeWriter) -> None:
    parts = writer.accept(member.name)
    if not parts:
        return
    if member.type == tarfile.DIRTYPE:
        writer.folder(parts)
    elif member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
        stream.seek(member.offset_data)
        writer.file(parts, stream.content, member.size)
    else:
        kind = _KINDS.get(member.type, "a sparse file" if member.issparse() else f"of type {member.type!r}")
        raise writer.refusal(member.name, f"it is {kind}; regular files and folders are accepted")
