"""Recipe `manifest`: any TSV with the columns `path speaker text` and, when there, `source licence`."""

import hashlib
from fnmatch import fnmatch
from pathlib import Path

from kws_core.audio import decode_file
from kws_core.config import IngestConfig, ManifestCorpusConfig
from kws_core.corpora.recording import Recording
from kws_core.corpora.utterances import UtteranceBuilder
from kws_core.errors import AudioError, CorpusError
from kws_core.fingerprint import fingerprint
from kws_core.part import PartOutput

NEEDED_COLUMNS = ("path", "speaker", "text")


def plan_manifest(config: ManifestCorpusConfig) -> list[Recording]:
    """List the recordings that the TSV names; a file that is missing stays in the list and is quarantined later.

    Raises:
        CorpusError: the TSV is missing, not UTF-8, lacks a column, or none of its rows match.
    """
    table = Path(config.path)
    try:
        # not splitlines(): a transcript may hold a Unicode line separator
        lines = table.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise CorpusError(f"{table}: the manifest does not exist") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{table}: the manifest is not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise CorpusError(f"{table}: the manifest cannot be read: {error.strerror or error}") from error
    columns = lines[0].split("\t") if lines[0] else []
    for column in NEEDED_COLUMNS:
        if column not in columns:
            raise CorpusError(f"{table}: column {column!r} is missing; it has {', '.join(columns) or 'no header'}")
    recordings = []
    for number, line in enumerate(lines[1:], start=2):
        # a short line lacks its last columns: empty text and speaker are rejected, with the line's number
        row = dict(zip(columns, (value.strip() for value in line.split("\t")), strict=False))
        if line.strip() and any(fnmatch(row.get("path", ""), pattern) for pattern in config.include):
            recordings.append(_recording(table, number, row, config))
    if not recordings:
        raise CorpusError(f"{table}: no row matches {', '.join(config.include)}")
    return recordings


def prepare_manifest(
    corpus: str, config: ManifestCorpusConfig, ingest: IngestConfig, recordings: list[Recording]
) -> PartOutput:
    """Decode the recordings of one part to utterances; what cannot be used is quarantined with its reason."""
    builder = UtteranceBuilder(corpus, config.language, ingest)
    for recording in recordings:
        if not recording.speaker_id:
            builder.reject(recording, "the speaker is empty")
        elif not recording.location:
            builder.reject(recording, "the path is empty")
        else:
            try:
                builder.add(recording, decode_file(Path(recording.location)))
            except AudioError as error:
                builder.reject(recording, str(error).removeprefix(f"{recording.location}: "))
    return builder.output()


def _recording(table: Path, number: int, row: dict[str, str], config: ManifestCorpusConfig) -> Recording:
    values = {column: row.get(column, "") for column in (*NEEDED_COLUMNS, "source", "licence")}
    path = table.parent / values["path"]
    content_digest, size = _file_digest(path) if values["path"] else ("", 0)
    source = values["source"] or values["path"] or f"{table.name} line {number}"
    licence = values["licence"] or config.licence
    return Recording(
        speaker_id=values["speaker"],
        text=values["text"],
        source=source,
        licence=licence,
        location=str(path.absolute()) if values["path"] else "",
        digest=fingerprint(content_digest, values["speaker"], values["text"], source, licence),
        size_bytes=size,
    )


def _file_digest(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    except (OSError, ValueError):  # ValueError: a path with a zero byte
        return "unreadable", 0
