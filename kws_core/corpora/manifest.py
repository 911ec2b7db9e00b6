"""Recipe `manifest`: any TSV or CSV with the columns `path speaker text`."""

import csv
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from kws_core.config import ManifestCorpusConfig
from kws_core.corpora.official_split import official_split
from kws_core.corpora.planned_recording import with_digests
from kws_core.corpora.recording import Recording
from kws_core.corpora.span_times import span_times
from kws_core.corpora.text_lines import read_lines
from kws_core.errors import CorpusError

NEEDED_COLUMNS = ("path", "speaker", "text")
COLUMNS = (*NEEDED_COLUMNS, "source", "licence", "split", "language", "start_s", "end_s")


def prepare_manifest(config: ManifestCorpusConfig) -> list[Recording]:
    """List the recordings that the table names; rows that are malformed or whose file is missing are quarantined later.

    Raises:
        CorpusError: the table is missing, not UTF-8, lacks a column, or none of its rows match.
    """
    table = Path(config.path)
    rows = _csv_rows(table) if table.suffix.lower() == ".csv" else _tsv_rows(table)
    columns = next(rows, (1, []))[1]
    _check_header(table, columns)
    recordings = []
    for number, values in rows:
        row = dict(zip(columns, (value.strip() for value in values), strict=False))
        if any(row.values()) and any(fnmatch(row.get("path", ""), pattern) for pattern in config.include):
            surplus = any(value.strip() for value in values[len(columns) :])
            problem = f"the row has {len(values)} fields; the header has {len(columns)}" if surplus else ""
            recordings.append(_recording(table, number, row, problem, config))
    if not recordings:
        raise CorpusError(f"{table}: no row matches {', '.join(config.include)}")
    return with_digests(recordings, config)


def _tsv_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows as they are: quotes in transcripts mean nothing."""
    for number, line in read_lines(table, "manifest"):
        yield number, line.split("\t") if line else []


def _csv_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows by RFC 4180; the number is that of the last line of a row."""
    reader = csv.reader((f"{line}\n" for _, line in read_lines(table, "manifest")), strict=True)
    try:
        for values in reader:
            yield reader.line_num, values
    except csv.Error as error:
        raise CorpusError(f"{table} line {reader.line_num}: the row is not CSV: {error}") from error


def _check_header(table: Path, columns: list[str]) -> None:
    for column in NEEDED_COLUMNS:
        if column not in columns:
            raise CorpusError(f"{table}: column {column!r} is missing; it has {', '.join(columns) or 'no header'}")
    for column in COLUMNS:
        if columns.count(column) > 1:
            raise CorpusError(f"{table}: column {column!r} is there {columns.count(column)} times")


def _recording(table: Path, number: int, row: dict[str, str], problem: str, config: ManifestCorpusConfig) -> Recording:
    # a short line lacks its last columns: empty text and speaker are rejected, with the line's number
    values = {column: row.get(column, "") for column in COLUMNS}
    split = official_split(values["split"])
    times = span_times(values["start_s"] or 0, values["end_s"] or None)
    if split is None:
        problem = problem or f"its split {values['split']!r} is none of train, development and test"
    if isinstance(times, str):
        problem = problem or times
    start_s, end_s = (0.0, None) if isinstance(times, str) else times
    return Recording(
        speaker_id=values["speaker"],
        text=values["text"],
        source=values["source"] or values["path"] or f"{table.name} line {number}",
        licence=values["licence"] or config.licence,
        location=str((table.parent / values["path"]).absolute()) if values["path"] else "",
        digest="",
        size_bytes=0,
        split=split or "",
        language=values["language"],
        problem=problem,
        start_s=start_s,
        end_s=end_s,
    )
