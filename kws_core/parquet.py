"""Parquet files whose bytes depend on nothing but their rows, written row group by row group."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 1024
"""Small row groups keep readers' memory bounded."""


class HashingFile(io.RawIOBase):
    """Passes what is written on to another file and counts and hashes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        """Write all of the content."""
        self._file.write(content)
        self._hash.update(content)
        self.size_bytes += len(content)
        return len(content)

    def sha256(self) -> str:
        """64 hexadecimal digits of what was written."""
        return self._hash.hexdigest()


def write_parquet(file: BinaryIO | HashingFile, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write tables as one Parquet file, a row group in memory at a time; returns the number of rows.

    The same rows give the same bytes, however they are spread over tables. Text and numbers are zstd, the rest as it
    is.
    """
    # audio and tensors would gain next to nothing
    plain = {field.name for field in schema if pa.types.is_binary(field.type) or _is_tensor(field.type)}
    compression = {name: "none" if name in plain else "zstd" for name in schema.names}
    # dictionaries of audio would only cost time
    encoded = [field.name for field in schema if pa.types.is_string(field.type)]
    rows = 0
    writer = pq.ParquetWriter(file, schema, compression=compression, use_dictionary=encoded, write_page_checksum=True)
    with writer:
        for group in _row_groups(schema, tables):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += group.num_rows
    return rows


def parquet_bytes(table: pa.Table) -> bytes:
    """One Parquet file in memory; see `write_parquet`."""
    sink = io.BytesIO()
    write_parquet(sink, table.schema, [table])
    return sink.getvalue()


def _row_groups(schema: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows in tables of `ROW_GROUP_ROWS`, the last one of the rest; one empty table where there are none."""
    waiting = schema.empty_table()
    written = False
    for table in tables:
        waiting = pa.concat_tables([waiting, table]) if waiting.num_rows else table
        while waiting.num_rows >= ROW_GROUP_ROWS:
            yield waiting.slice(0, ROW_GROUP_ROWS)
            waiting, written = waiting.slice(ROW_GROUP_ROWS), True
    if waiting.num_rows or not written:
        yield waiting


def _is_tensor(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.FixedShapeTensorType)
