"""What a recipe plans: recordings of one corpus, grouped into parts of whole speakers."""

from dataclasses import dataclass

from kws_core.audio import RawFormat
from kws_core.fingerprint import unit_interval

# A part never grows past this many times its mean size, whatever the hashes say.
LARGEST_PART = 4


@dataclass(frozen=True, slots=True)
class ParquetCell:
    """Where a recording lies in a Parquet file."""

    column: str
    row: int


@dataclass(frozen=True, slots=True)
class Recording:
    """One planned utterance before it is decoded or synthesised."""

    speaker_id: str
    text: str
    source: str
    """Where it came from, as kept with every row made of it."""
    licence: str
    location: str
    """A path to read, or a recipe's own description of what to synthesise."""
    digest: str
    """Fingerprint of everything that decides the utterance's bytes."""
    size_bytes: int
    split: str = ""
    """Official split of the corpus: `train`, `development`, `test`, or "" where there is none."""
    language: str = ""
    """Where it differs from the corpus's; "" where it does not."""
    problem: str = ""
    """Why it cannot be used, where the listing shows that already; it is quarantined with this reason."""
    start_s: float = 0.0
    """Where it starts in the file."""
    end_s: float | None = None
    """Where it ends in the file; None at the end of the file."""
    channel: int | None = None
    """The channel, from 0, that it is on; None for the mean of all."""
    cell: ParquetCell | None = None
    """Where in `location`, a Parquet file, it lies; None for a file of its own."""
    raw: RawFormat | None = None
    """What a headerless file does not say; None for files that say it."""


def group_speakers(recordings: list[Recording], part_bytes: int) -> list[list[Recording]]:
    """Group recordings into parts of whole speakers of about `part_bytes` each.

    Where a part ends depends on the speaker alone (a hash of the name against its share of a part), so a new speaker
    changes one part and leaves every other one as it was, whatever the order of arrival. Only where the largest size
    forced a part to end may the parts up to the next such end change too.
    """
    speakers: dict[str, list[Recording]] = {}
    for recording in recordings:
        speakers.setdefault(recording.speaker_id, []).append(recording)
    parts: list[list[Recording]] = []
    current: list[Recording] = []
    current_bytes = 0
    for speaker in sorted(speakers, key=lambda name: (unit_interval("speaker order", name), name)):
        size = sum(recording.size_bytes for recording in speakers[speaker])
        if current and current_bytes + size > LARGEST_PART * part_bytes:
            parts.append(current)
            current, current_bytes = [], 0
        current.extend(sorted(speakers[speaker], key=lambda recording: (recording.source, recording.digest)))
        current_bytes += size
        if unit_interval("part boundary", speaker) < size / part_bytes:
            parts.append(current)
            current, current_bytes = [], 0
    return [*parts, current] if current else parts
