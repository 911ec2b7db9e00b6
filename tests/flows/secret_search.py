"""Where a secret stands in what a run left behind: as it is, in Base64, in compressed Parquet, in pages of SQLite."""

import base64
import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def files_below(folder: Path) -> dict[str, bytes]:
    """Contents of all files below a folder, by path; Parquet and SQLite as decoded text, too."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):  # a log that was rotated away
                found[str(path)] = path.read_bytes()
                found |= decoded(path, found[str(path)])
    return found


def decoded(path: Path, content: bytes) -> dict[str, bytes]:
    """What a file says that its bytes may not show in one piece."""
    if content.startswith(b"PAR1"):
        return {f"{path} (rows)": parquet_text(content)}
    if content.startswith(b"SQLite format 3\0"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            return {f"{path} (rows)": "\n".join(database.iterdump()).encode(errors="replace")}
    return {}


def parquet_text(content: bytes) -> bytes:
    """Metadata and all values of a Parquet file, however they are encoded there."""
    table = pq.read_table(pa.BufferReader(content))
    columns = (buffer for column in table.columns for chunk in column.chunks for buffer in chunk.buffers())
    return b"\n".join([str(table.schema).encode(), *(bytes(buffer) for buffer in columns if buffer is not None)])


def finds(contents: Mapping[str, bytes], secret: str) -> list[str]:
    """Names of the contents that hold a secret of 16 characters or more, as it is or in Base64."""
    assert len(secret) >= 16
    forms = [secret.encode(), *_in_base64(secret.encode())]
    return [name for name, content in contents.items() if any(form in content for form in forms)]


def _in_base64(secret: bytes) -> list[bytes]:
    """The characters that the secret alone decides, for each of the three places it can begin at."""
    return [base64.b64encode(b"\0" * before + secret)[4 if before else 0 : -4] for before in range(3)]
