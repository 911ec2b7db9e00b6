"""Transcripts joined to the recordings that they are of; what has no counterpart is told, not lost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kws_core.audio import RawFormat
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.recording import Recording


@dataclass(frozen=True)
class Transcript:
    """What a line of a transcript file says of one recording."""

    recording_id: str
    text: str
    place: str
    """File and line, such as `etc/an4_train.transcription line 7`."""
    split: str = ""


def split_line(line: str, place: str, split: str = "") -> Transcript:
    """A transcript of a line such as `ID words of the text`; the text is empty where the line holds an id only."""
    recording_id, _, text = line.strip().partition(" ")
    return Transcript(recording_id, text.strip(), place, split)


def join_transcripts(
    files: CorpusFiles,
    audio: Iterable[str],
    transcripts: Iterable[Transcript],
    speaker: Callable[[str], str],
    raw: RawFormat | None = None,
) -> list[Recording]:
    """Recordings of `audio` with the transcripts of their ids, which are the names of the files without a suffix.

    Audio without a transcript, a transcript without audio, without text, or given twice, and two files of one id are
    listed with their problem.

    Args:
        files: the corpus.
        audio: names of recordings in it.
        transcripts: of these and no other recordings.
        speaker: the speaker's id by the name of the file.
        raw: what headerless files do not say.
    """
    by_id: dict[str, Transcript] = {}
    recordings: list[Recording] = []
    for transcript in transcripts:
        first = by_id.setdefault(transcript.recording_id, transcript)
        if first is not transcript:
            recordings.append(files.problem(transcript.place, f"{first.recording_id} is transcribed by {first.place}"))
    seen: dict[str, str] = {}
    for name in audio:
        recording_id = name.rpartition("/")[2].rpartition(".")[0]
        found = by_id.get(recording_id)
        if recording_id in seen:
            recordings.append(files.problem(name, f"has the id of {seen[recording_id]}", speaker(name)))
        elif found is None:
            recordings.append(files.problem(name, "no transcript lists it", speaker(name)))
        elif not found.text:
            recordings.append(files.problem(name, f"{found.place} has no text for it", speaker(name)))
        else:
            speaker_id, split = speaker(name), found.split
            recordings.append(files.recording(name, speaker_id=speaker_id, text=found.text, split=split, raw=raw))
        seen.setdefault(recording_id, name)
    for recording_id, transcript in by_id.items():
        if recording_id not in seen:
            reason = f"there is no recording {recording_id!r}" if recording_id else "the line is empty"
            recordings.append(files.problem(transcript.place, reason))
    return recordings
