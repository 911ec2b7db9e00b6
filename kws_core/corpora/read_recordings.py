"""Recordings to utterances: the decoding that every recipe of files shares."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from kws_core.audio import AudioFile, Decoded, Pcm16
from kws_core.config import SAMPLE_RATE_HZ, CorpusSection, IngestConfig
from kws_core.corpora.parquet_audio import read_cells
from kws_core.corpora.recording import ParquetCell, Recording
from kws_core.corpora.utterances import UtteranceBuilder
from kws_core.errors import AudioError
from kws_core.part import PartOutput


def read_recordings(
    corpus: str, config: CorpusSection, ingest: IngestConfig, recordings: list[Recording]
) -> PartOutput:
    """Decode the recordings of one part to utterances; what cannot be used is quarantined with its reason.

    A file that holds several recordings is opened once, and only their spans are decoded. Rows come in the order in
    which the files are first named. Noise needs no transcript, and noise longer than `ingest.max_duration_s` becomes
    several utterances of equal lengths.
    """
    noise = config.use == "noise"
    builder = UtteranceBuilder(corpus, config.language, ingest, needs_text=not noise)
    usable = []
    for recording in recordings:
        if reason := _refusal(recording):
            builder.reject(recording, reason)
        else:
            usable.append(recording)
    longest_s = None if noise else ingest.max_duration_s
    for recording, decoded in _decoded(usable, longest_s):
        if isinstance(decoded, AudioError):
            builder.reject(recording, str(decoded).removeprefix(f"{recording.location}: "))
        elif noise:
            for piece, samples in _pieces(recording, decoded.pcm, ingest):
                builder.add(piece, samples, decoded.clipped_share)
        else:
            builder.add(recording, decoded.pcm, decoded.clipped_share, decoded.duration_s)
    return builder.output()


def _refusal(recording: Recording) -> str:
    """What the listing shows already."""
    if recording.problem:
        return recording.problem
    if not recording.speaker_id:
        return "the speaker is empty"
    return "" if recording.location else "the path is empty"


def _decoded(recordings: list[Recording], longest_s: float | None) -> Iterator[tuple[Recording, Decoded | AudioError]]:
    order: dict[str, int] = {}
    for recording in recordings:
        order.setdefault(recording.location, len(order))
    for location, group in groupby(sorted(recordings, key=lambda one: order[one.location]), lambda one: one.location):
        ours = list(group)
        if ours[0].cell is not None:
            yield from _from_cells(location, ours, longest_s)
        else:
            yield from _from_file(Path(location), ours, longest_s)


def _from_file(
    source: Path | bytes, recordings: list[Recording], longest_s: float | None
) -> Iterator[tuple[Recording, Decoded | AudioError]]:
    name = recordings[0].location
    try:
        with AudioFile(source, name, recordings[0].raw) as file:
            for recording in sorted(recordings, key=lambda one: one.start_s):
                try:
                    yield recording, file.read(recording.start_s, recording.end_s, recording.channel, longest_s)
                except AudioError as error:
                    yield recording, error
    except AudioError as error:
        for recording in recordings:
            yield recording, error


def _from_cells(
    location: str, recordings: list[Recording], longest_s: float | None
) -> Iterator[tuple[Recording, Decoded | AudioError]]:
    by_cell: dict[ParquetCell, list[Recording]] = {}
    for recording in recordings:
        if recording.cell is not None:
            by_cell.setdefault(recording.cell, []).append(recording)
    try:
        for cell, content in read_cells(Path(location), list(by_cell)):
            ours = by_cell.pop(cell)
            if content:
                yield from _from_file(content, ours, longest_s)
            else:
                empty = AudioError(f"row {cell.row}: {cell.column} is empty; audio that is only named is not read")
                yield from ((recording, empty) for recording in ours)
    except AudioError as error:
        for ours in by_cell.values():
            for recording in ours:
                yield recording, error


def _pieces(recording: Recording, pcm: Pcm16, ingest: IngestConfig) -> Iterator[tuple[Recording, Pcm16]]:
    """Cut a recording evenly into as few pieces as `max_duration_s` allows."""
    longest = int(ingest.max_duration_s * SAMPLE_RATE_HZ)
    count = -(-len(pcm) // longest)
    if count <= 1:
        yield recording, pcm
        return
    for number, samples in enumerate(np.array_split(pcm, count), start=1):
        yield replace(recording, source=f"{recording.source} piece {number} of {count}"), samples
