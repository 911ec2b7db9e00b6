"""Recipe `kaldi`: a data directory with `wav.scp text utt2spk`, and `segments`, `utt2lang` where they are there."""

import re
from dataclasses import dataclass
from pathlib import Path

from kws_core.config import KaldiCorpusConfig
from kws_core.corpora.planned_recording import with_digests
from kws_core.corpora.recording import Recording
from kws_core.corpora.span_times import span_times
from kws_core.corpora.text_lines import read_lines
from kws_core.errors import CorpusError

# What Kaldi calls extended filenames, beside commands.
_EXTENDED = {
    "a place in an archive": re.compile(r":[0-9]+$"),
    "a range": re.compile(r"\[[^\]]*\]$"),
    "an archive or a script": re.compile(r"^(?:ark|scp)[,a-z]*:"),
    "the standard input": re.compile(r"^-$"),
}


@dataclass(frozen=True)
class _Span:
    recording_id: str
    start_s: float
    end_s: float | None
    problem: str = ""


def prepare_kaldi(config: KaldiCorpusConfig) -> list[Recording]:
    """List the utterances of the directory; one that a file lacks, or names twice, is listed with its problem.

    Raises:
        CorpusError: a file is missing or not UTF-8, or `wav.scp` has commands or extended filenames: nothing is run.
    """
    folder = Path(config.folder)
    problems: dict[str, str] = {}
    waves = _read(folder, "wav.scp", problems)
    for recording_id, name in waves.items():
        _refuse_extended(folder / "wav.scp", recording_id, name)
    noise = config.use == "noise"
    texts = {} if noise and not (folder / "text").exists() else _read(folder, "text", problems)
    speakers = _read(folder, "utt2spk", problems)
    languages = _read(folder, "utt2lang", problems) if (folder / "utt2lang").exists() else {}
    if (folder / "segments").exists():
        lines = _read(folder, "segments", problems)
        spans = {utterance: _span(line) for utterance, line in lines.items()}
    else:
        spans = {recording_id: _Span(recording_id, 0.0, None) for recording_id in waves}
    if not spans:
        raise CorpusError(f"{folder}: {'segments' if waves else 'wav.scp'} lists nothing")
    root = Path(config.root) if config.root else folder
    recordings = []
    for utterance in dict.fromkeys([*spans, *texts, *speakers]):
        span = spans.get(utterance, _Span("", 0.0, None, "wav.scp and segments do not list it"))
        problem = problems.get(utterance) or span.problem
        if not problem and span.recording_id not in waves:
            problem = f"wav.scp does not list its recording {span.recording_id!r}"
        if not problem and utterance not in texts and not noise:
            problem = "text does not list it"
        if not problem and utterance not in speakers:
            problem = "utt2spk does not list it"
        wave = waves.get(span.recording_id, "")
        recordings.append(
            Recording(
                speaker_id=speakers.get(utterance, ""),
                text=texts.get(utterance, ""),
                source=utterance,
                licence=config.licence,
                location=str((root / wave).absolute()) if wave else "",
                digest="",
                size_bytes=0,
                language=languages.get(utterance, ""),
                problem=problem,
                start_s=span.start_s,
                end_s=span.end_s,
            )
        )
    return with_digests(recordings, config)


def _read(folder: Path, name: str, problems: dict[str, str]) -> dict[str, str]:
    """The lines of a file by their first word; of lines with one first word the first counts."""
    found: dict[str, str] = {}
    for number, line in read_lines(folder / name, "Kaldi file"):
        first, *rest = line.split(maxsplit=1)[:2] or [""]
        if first in found:
            problems.setdefault(first, f"{name} lists it twice, again in line {number}")
        elif first:
            found[first] = rest[0].strip() if rest else ""
    return found


def _span(line: str) -> _Span:
    fields = line.split()
    if len(fields) != 3:
        return _Span(fields[0] if fields else "", 0.0, None, f"segments has {line!r}, not recording, start and end")
    # -1 is Kaldi's end of the recording
    times = span_times(fields[1], None if fields[2] == "-1" else fields[2])
    return _Span(fields[0], 0.0, None, times) if isinstance(times, str) else _Span(fields[0], *times)


def _refuse_extended(table: Path, recording_id: str, name: str) -> None:
    if name.startswith("|") or name.endswith("|"):
        raise CorpusError(
            f"{table}: {recording_id} is the command {name!r}, and commands are not run: write its output to files, "
            "as wav-copy does, and name them"
        )
    for kind, pattern in _EXTENDED.items():
        if pattern.search(name):
            raise CorpusError(f"{table}: {recording_id} is {name!r}, {kind}; only names of files are accepted")
