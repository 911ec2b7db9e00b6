"""The record of a finished download, beside the file: a second run needs no connection."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from kws_core.atomic_file import write_atomically
from kws_core.corpora.download.redaction import redacted
from kws_core.corpora.download.remote_file import RemoteFile


class Completion(BaseModel):
    """What a file was when it was found good; `NAME.fetched.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """Public address, without secrets."""
    size_bytes: int
    sha256: str
    md5: str
    changed_ns: int
    """Time of the file's last change: a file that was touched since is verified again."""

    def fits(self, file: RemoteFile) -> bool:
        """Tell whether this is the published file, or one from the same address where no checksum is published."""
        if file.sha256 is None and file.md5 is None and self.url != redacted(file.url):
            return False
        return (
            file.sha256 in (None, self.sha256)
            and file.md5 in (None, self.md5)
            and file.size_bytes in (None, self.size_bytes)
        )


def completion_path(target: Path) -> Path:
    """Where the record of a file lies."""
    return target.with_name(f"{target.name}.fetched.json")


def read_completion(target: Path) -> Completion | None:
    """Return the record of a file; None where there is none that can be read."""
    try:
        return Completion.model_validate_json(completion_path(target).read_bytes())
    except (OSError, ValidationError):
        return None


def is_fetched(file: RemoteFile, target: Path) -> bool:
    """Tell whether the target is finished and untouched since; reads no more than the record."""
    record = read_completion(target)
    if record is None or not target.is_file():
        return False
    status = target.stat()
    return record.fits(file) and (status.st_size, status.st_mtime_ns) == (record.size_bytes, record.changed_ns)


def digests_of(target: Path) -> dict[str, str]:
    """`sha256` and `md5` of a file, in hex."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with target.open("rb") as opened:
        while chunk := opened.read(2**20):
            sha256.update(chunk)
            md5.update(chunk)
    return {"sha256": sha256.hexdigest(), "md5": md5.hexdigest()}


def record_completion(file: RemoteFile, target: Path, digests: dict[str, str]) -> None:
    """Write the record of a file that was found good."""
    status = target.stat()
    record = Completion(url=redacted(file.url), size_bytes=status.st_size, changed_ns=status.st_mtime_ns, **digests)
    write_atomically(completion_path(target), record.model_dump_json(indent=1).encode())
