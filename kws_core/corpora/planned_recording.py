"""How importers list a recording: with a fingerprint of everything that decides its utterance."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from kws_core.config import CorpusSection
from kws_core.corpora.recording import Recording
from kws_core.fingerprint import fingerprint

# Hashing lets go of the interpreter, and waits for disks.
_THREADS = 8
_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a file holds, without its name."""

    sha256: str
    """`unreadable` where the file cannot be read; decoding it will say why."""
    size_bytes: int


def file_contents(paths: Iterable[str]) -> dict[str, FileContent]:
    """Hash every file once, several at a time; memory does not grow with their sizes."""
    unique = list(dict.fromkeys(paths))
    found: dict[str, FileContent] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        # some at a time: the pool keeps a result, many times as large as ours, for each that it was given
        for first in range(0, len(unique), _AT_A_TIME):
            some = unique[first : first + _AT_A_TIME]
            found.update(zip(some, pool.map(_content, some), strict=True))
    return found


def with_digests(recordings: list[Recording], config: CorpusSection) -> list[Recording]:
    """Recordings of loose files with `digest` and `size_bytes` filled in; a span weighs its share of the file."""
    contents = file_contents(recording.location for recording in recordings if recording.location)
    spans: dict[str, int] = {}
    for recording in recordings:
        spans[recording.location] = spans.get(recording.location, 0) + 1
    nothing = FileContent("", 0)
    finished = []
    for recording in recordings:
        content = contents[recording.location] if recording.location else nothing
        digest = recording_digest(recording, content.sha256, config)
        finished.append(replace(recording, digest=digest, size_bytes=content.size_bytes // spans[recording.location]))
    return finished


def recording_digest(recording: Recording, content: str, config: CorpusSection) -> str:
    """Fingerprint of a recording whose file, or cell, has the fingerprint `content`."""
    named = (recording.speaker_id, recording.text, recording.source, recording.licence)
    spans = (recording.start_s, recording.end_s, recording.channel)
    raw = recording.raw and (
        recording.raw.rate_hz,
        recording.raw.channels,
        recording.raw.encoding,
        recording.raw.endian,
    )
    cell = recording.cell and (recording.cell.column, recording.cell.row)
    # the same rows as noise are other utterances
    use = "noise" if config.use == "noise" else ""
    return fingerprint(content, *named, recording.split, recording.language, recording.problem, *spans, raw, cell, use)


def _content(name: str) -> FileContent:
    path = Path(name)
    try:
        with path.open("rb") as file:
            return FileContent(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
    except (OSError, ValueError):  # ValueError: a path with a zero byte
        return FileContent("unreadable", 0)
