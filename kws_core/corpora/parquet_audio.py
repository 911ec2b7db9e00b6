"""Recordings that lie in a column of a Parquet file, read a row group at a time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kws_core.corpora.recording import ParquetCell
from kws_core.errors import AudioError

BATCH_ROWS = 64


def read_cells(path: Path, cells: list[ParquetCell]) -> Iterator[tuple[ParquetCell, bytes]]:
    """Yield every cell with its content; only row groups that hold one of them are read.

    A column is `audio.bytes` for the field `bytes` of a struct, or a column of bytes itself. An empty cell is yielded
    as no bytes.

    Raises:
        AudioError: the file is missing or damaged, or shorter than a row says.
    """
    by_column: dict[str, set[int]] = {}
    for cell in cells:
        by_column.setdefault(cell.column, set()).add(cell.row)
    try:
        with pq.ParquetFile(path) as file:
            for column, rows in by_column.items():
                if max(rows) >= file.metadata.num_rows:
                    raise AudioError(f"{path}: it has {file.metadata.num_rows} rows, not {max(rows) + 1}")
                for row, content in _read_column(file, column, rows):
                    yield ParquetCell(column, row), content
    except (pa.ArrowException, OSError) as error:
        raise AudioError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error


def _read_column(file: pq.ParquetFile, column: str, rows: set[int]) -> Iterator[tuple[int, bytes]]:
    first = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        wanted = sorted(row for row in rows if first <= row < first + count)
        if wanted:
            start = first
            for batch in file.iter_batches(BATCH_ROWS, [group], [column]):
                values = batch.column(0)
                for name in column.split(".")[1:]:
                    values = values.field(name)
                for row in wanted:
                    if start <= row < start + len(values):
                        yield row, values[row - start].as_py() or b""
                start += len(values)
        first += count
