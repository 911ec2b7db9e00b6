"""Recipe `manifest`: any TSV with the columns `path speaker text` and, when there, `source licence`."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from kws_core.audio import Pcm16, decode_file
from kws_core.config import SAMPLE_RATE_HZ, IngestConfig, ManifestCorpusConfig
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
    """Decode the recordings of one part to utterances; what cannot be used is quarantined with its reason.

    Noise needs no transcript, and noise longer than `ingest.max_duration_s` becomes several utterances of equal
    lengths.
    """
    noise = config.use == "noise"
    builder = UtteranceBuilder(corpus, config.language, ingest, needs_text=not noise)
    for recording in recordings:
        if not recording.speaker_id:
            builder.reject(recording, "the speaker is empty")
        elif not recording.location:
            builder.reject(recording, "the path is empty")
        else:
            try:
                pcm = decode_file(Path(recording.location))
            except AudioError as error:
                builder.reject(recording, str(error).removeprefix(f"{recording.location}: "))
                continue
            for piece, samples in _pieces(recording, pcm, ingest) if noise else [(recording, pcm)]:
                builder.add(piece, samples)
    return builder.output()


def _pieces(recording: Recording, pcm: Pcm16, ingest: IngestConfig) -> Iterator[tuple[Recording, Pcm16]]:
    """Cut a recording evenly into as few pieces as `max_duration_s` allows."""
    longest = int(ingest.max_duration_s * SAMPLE_RATE_HZ)
    count = -(-len(pcm) // longest)
    if count <= 1:
        yield recording, pcm
        return
    for number, samples in enumerate(np.array_split(pcm, count), start=1):
        yield replace(recording, source=f"{recording.source} piece {number} of {count}"), samples


def _recording(table: Path, number: int, row: dict[str, str], config: ManifestCorpusConfig) -> Recording:
    values = {column: row.get(column, "") for column in (*NEEDED_COLUMNS, "source", "licence")}
    path = table.parent / values["path"]
    content_digest, size = _file_digest(path) if values["path"] else ("", 0)
    source = values["source"] or values["path"] or f"{table.name} line {number}"
    licence = values["licence"] or config.licence
    # the same rows as noise are other utterances
    use = ("noise",) if config.use == "noise" else ()
    return Recording(
        speaker_id=values["speaker"],
        text=values["text"],
        source=source,
        licence=licence,
        location=str(path.absolute()) if values["path"] else "",
        digest=fingerprint(content_digest, values["speaker"], values["text"], source, licence, *use),
        size_bytes=size,
    )


def _file_digest(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    except (OSError, ValueError):  # ValueError: a path with a zero byte
        return "unreadable", 0
