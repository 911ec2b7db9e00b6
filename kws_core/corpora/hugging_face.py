"""Recipe `hugging_face`: Parquet files of `datasets` with an audio column."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kws_core.config import HuggingFaceCorpusConfig
from kws_core.corpora.official_split import official_split
from kws_core.corpora.planned_recording import file_contents, recording_digest
from kws_core.corpora.recording import ParquetCell, Recording
from kws_core.errors import CorpusError

BATCH_ROWS = 4096


def prepare_hugging_face(config: HuggingFaceCorpusConfig) -> list[Recording]:
    """List the rows of the files, by their small columns: no audio is read, but every file is hashed once.

    Raises:
        CorpusError: a file is missing or damaged, or lacks a column, or the audio column holds no encoded audio.
    """
    path = Path(config.path)
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    chosen = [(file, split) for file in files if (split := _split(file)) in config.include_splits]
    if not chosen:
        splits = ", ".join(map(repr, config.include_splits))
        raise CorpusError(f"{path}: no Parquet file of the splits {splits} is in it")
    contents = file_contents(str(file) for file, _ in chosen)
    recordings = []
    base = path if path.is_dir() else path.parent
    for file, split in chosen:
        for recording in _rows(file, file.relative_to(base).as_posix(), split, config):
            digest = recording_digest(recording, contents[str(file)].sha256, config)
            recordings.append(replace(recording, digest=digest))
    if not recordings:
        raise CorpusError(f"{path}: its Parquet files have no rows")
    return recordings


def _rows(path: Path, name: str, split: str, config: HuggingFaceCorpusConfig) -> Iterator[Recording]:
    try:
        with pq.ParquetFile(path) as file:
            cell_column = _audio_field(path, file.schema_arrow, config.audio_column)
            columns = [config.text_column, config.speaker_column]
            columns += [column for column in (config.language_column, config.licence_column) if column]
            _check_columns(path, file.schema_arrow, columns)
            labels = _class_labels(file.schema_arrow, config.text_column)
            first = 0
            for group in range(file.num_row_groups):
                size = _bytes_per_row(file, group, cell_column)
                for batch in file.iter_batches(BATCH_ROWS, [group], columns):
                    for offset, row in enumerate(batch.to_pylist()):
                        yield Recording(
                            speaker_id=_text(row[config.speaker_column]),
                            text=_label(row[config.text_column], labels),
                            source=f"{name} row {first + offset}",
                            licence=_text(row.get(config.licence_column)) or config.licence,
                            location=str(path.absolute()),
                            digest="",
                            size_bytes=size,
                            split=split,
                            language=_text(row.get(config.language_column)),
                            cell=ParquetCell(cell_column, first + offset),
                        )
                    first += batch.num_rows
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: the file does not exist") from error
    except (pa.ArrowException, OSError) as error:
        raise CorpusError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from error


def _audio_field(path: Path, schema: pa.Schema, column: str) -> str:
    """`audio.bytes` of a struct, or the column itself."""
    _check_columns(path, schema, [column])
    kind = schema.field(column).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        inner = kind.field("bytes").type
        if pa.types.is_binary(inner) or pa.types.is_large_binary(inner):
            return f"{column}.bytes"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column
    raise CorpusError(f"{path}: column {column!r} is {kind}; bytes or a struct with the field bytes is accepted")


def _check_columns(path: Path, schema: pa.Schema, columns: list[str]) -> None:
    for column in columns:
        if column not in schema.names:
            raise CorpusError(f"{path}: column {column!r} is missing; it has {', '.join(schema.names)}")


def _class_labels(schema: pa.Schema, column: str) -> list[str] | None:
    """Names of a class label, as `datasets` keeps them in the file; None where the column is none."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = info["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _label(value: Any, labels: list[str] | None) -> str:
    if labels is not None and isinstance(value, int) and 0 <= value < len(labels):
        return labels[value]
    return _text(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _bytes_per_row(file: pq.ParquetFile, group: int, column: str) -> int:
    metadata = file.metadata.row_group(group)
    for number in range(metadata.num_columns):
        if metadata.column(number).path_in_schema == column:
            return int(metadata.column(number).total_compressed_size // max(metadata.num_rows, 1))
    return 0


def _split(file: Path) -> str:
    """By the file's name, or that of its folder: `train-00000-of-00002.parquet`, `validation/0.parquet`."""
    for name in (file.stem, file.parent.name):
        if found := official_split(re.split(r"[-_.]", name)[0]):
            return found
    return ""
