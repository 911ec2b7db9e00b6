"""Reading zip archives."""

import stat
import struct
import zipfile
import zlib
from pathlib import Path

from kws_core.corpora.archive.limits import ExtractionLimits
from kws_core.corpora.archive.tree_writer import TreeWriter
from kws_core.errors import CorpusError

_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    OSError,
    zlib.error,
    struct.error,
    ValueError,
    ArithmeticError,
    LookupError,
    NotImplementedError,
    RuntimeError,
)
"""What damaged archives make the standard library raise."""

_ENCRYPTED = 0x1 | 0x40 | 0x2000


def write_zip_members(archive: Path, writer: TreeWriter, limits: ExtractionLimits) -> None:
    """Write the regular files and folders of a zip archive.

    Raises:
        CorpusError: the archive is damaged or truncated, or a member is refused.
    """
    most_bytes = max(limits.ratio_from_bytes, limits.ratio * archive.stat().st_size)
    try:
        with zipfile.ZipFile(archive) as opened:
            # a damaged length in the directory can swallow the entries behind it
            if (len(opened.infolist()) - _announced_members(archive)) % 2**16:
                raise ValueError("its directory does not hold the number of members that it announces")
            for member in opened.infolist():
                _write_member(opened, member, writer, most_bytes)
    except _BROKEN as error:
        raise CorpusError(f"{archive}: cannot be read as zip: {error or type(error).__name__}") from None


def _announced_members(archive: Path) -> int:
    """Count of members in the archive's end record; where it has 16 bits, some writers let it overflow."""
    with archive.open("rb") as file:
        file.seek(max(0, archive.stat().st_size - 2**16 - 22))
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        count: int = struct.unpack_from("<H", tail, at + 10)[0]
        if count == 2**16 - 1 and tail[at - 20 : at - 16] == b"PK\6\7":
            file.seek(struct.unpack_from("<Q", tail, at - 12)[0])
            count = struct.unpack_from("<Q", file.read(56), 32)[0]
    return count


def _write_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, writer: TreeWriter, most_bytes: float) -> None:
    name = member.orig_filename  # `filename` ends at a NUL
    parts = writer.accept(name)
    if not parts:
        return
    if name != member.filename:
        raise writer.refusal(name, "its headers name it differently")
    kind = stat.S_IFMT(member.external_attr >> 16)
    folder = name.endswith("/")
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        raise writer.refusal(name, "it is a link or device; regular files and folders are accepted")
    if member.flag_bits & _ENCRYPTED:
        raise writer.refusal(name, "it is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise writer.refusal(name, f"its compression method {member.compress_type} is not stored or deflated")
    if folder:
        if member.file_size:
            raise writer.refusal(name, "it is a folder with content")
        writer.folder(parts)
        return
    unpacked = 0

    def read(size: int) -> bytes:
        nonlocal unpacked
        chunk = content.read(size)
        unpacked += len(chunk)
        if writer.written_bytes + len(chunk) > most_bytes:
            raise writer.refusal(name, "the archive unpacks to far more than its size: a bomb")
        return chunk

    with opened.open(member) as content:
        writer.file(parts, read)
    if unpacked != member.file_size:
        raise writer.refusal(name, f"it ends after {unpacked:,} of {member.file_size:,} bytes")
