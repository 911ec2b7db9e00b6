"""An archive into a folder that is there whole or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

import filelock
from pydantic import BaseModel, ConfigDict, ValidationError

from kws_core.corpora.archive.limits import ExtractionLimits
from kws_core.corpora.archive.tar_members import write_tar_members
from kws_core.corpora.archive.tree_writer import RECORD_NAME, TreeWriter
from kws_core.corpora.archive.zip_members import write_zip_members
from kws_core.errors import CorpusError


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str
    size_bytes: int


def extract_archive(
    archive: Path,
    into: Path,
    limits: ExtractionLimits | None = None,
    members: Callable[[str], bool] | None = None,
) -> Path:
    """Unpack a tar (plain, gzip, bzip2, xz) or zip archive into a new folder and return the folder.

    Only regular files and folders are written, with permissions of our own, into a temporary folder that is renamed at
    the end. A folder that an earlier call finished is left as it is. What macOS adds to archives is skipped.

    Args:
        archive: a local file; its kind is told by its first bytes.
        into: the folder to make; it holds a record `.extracted.json` of the archive that it came from.
        limits: on sizes, count and compression ratio.
        members: tells by its name (`folder/file`) whether a member is wanted; the rest is neither written nor refused
            for what it is, but its name must be acceptable.

    Raises:
        CorpusError: the archive is missing, damaged or truncated; a member is a link or device, is encrypted, repeats
            another's name (also in case or Unicode normalisation) or has a name that is absolute, leaves the folder
            or is not portable; a limit is exceeded; the disk is full; or `into` exists and came from elsewhere.
    """
    if _is_finished(archive, into):
        return into
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(into.with_name(f".{into.name}.lock"), poll_interval=0.1):
            if not _is_finished(archive, into):
                _extract(archive, into, limits or ExtractionLimits(), members)
    except OSError as error:
        raise CorpusError(f"{archive} cannot be unpacked into {into}: {error.strerror or error}") from error
    return into


def _extract(archive: Path, into: Path, limits: ExtractionLimits, members: Callable[[str], bool] | None) -> None:
    if not archive.is_file():
        raise CorpusError(f"{archive} is missing")
    temporary = into.with_name(f".{into.name}.extracting")
    if temporary.exists():  # of a killed run: the lock is ours
        shutil.rmtree(temporary)
    temporary.mkdir(mode=0o755)
    try:
        writer = TreeWriter(archive, temporary, limits, members)
        with archive.open("rb") as file:
            start = file.read(4)
        if start in (b"PK\x03\x04", b"PK\x05\x06"):
            write_zip_members(archive, writer, limits)
        else:
            write_tar_members(archive, writer, limits)
        record = _Record(archive=archive.name, size_bytes=archive.stat().st_size)
        (temporary / RECORD_NAME).write_text(record.model_dump_json())
        temporary.replace(into)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def _is_finished(archive: Path, into: Path) -> bool:
    """Tell whether the folder is what this archive unpacks to."""
    if not into.exists() or (into.is_dir() and not any(into.iterdir())):
        return False
    try:
        record = _Record.model_validate_json((into / RECORD_NAME).read_bytes())
    except (OSError, ValidationError):
        raise CorpusError(f"{into} exists and was not unpacked from {archive.name}; choose another folder") from None
    # the archive itself may have been removed to save room
    if record.archive != archive.name or (archive.exists() and archive.stat().st_size != record.size_bytes):
        raise CorpusError(
            f"{into} was unpacked from another archive ({record.archive}, {record.size_bytes:,} bytes) than {archive}; "
            "remove the folder to unpack this one"
        )
    return True
