"""Recipe `an4`: the census recordings of Carnegie Mellon University (1991)."""

import re
from pathlib import Path

from kws_core.audio import RawFormat
from kws_core.config import An4CorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.download import OnProgress, RemoteFile
from kws_core.corpora.published_archives import download_archives, extracted
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.corpora.transcripts import Transcript, join_transcripts
from kws_core.errors import CorpusError

ABOUT = About(
    title="CMU AN4",
    language="en",
    size="64 MB, 0.8 h, 948 + 130 utterances",
    licence="BSD-style (CMU AN4)",
    home="http://www.speech.cs.cmu.edu/databases/an4",
)
ADDRESS = "http://www.speech.cs.cmu.edu/databases/an4"
ARCHIVES = {"sphere": "an4_sphere.tar.gz", "raw": "an4_raw.bigendian.tar.gz"}
SUFFIXES = {"sphere": (".sph", ".wav"), "raw": (".raw",)}
RAW = RawFormat(rate_hz=16_000, endian="BIG")
SPLITS = {"an4_train.transcription": "train", "an4_test.transcription": "test"}
_LINE = re.compile(r"\s*(?:<s>)?(.*?)(?:</s>)?\s*\(([^()\s]+)\)\s*")


def download_an4(config: An4CorpusConfig, folder: Path, on_progress: OnProgress | None = None) -> Path:
    """Fetch and extract the archive of the encoding below `folder`; returns its folder. Raises `CorpusError`."""
    archive = RemoteFile(f"{ADDRESS}/{ARCHIVES[config.encoding]}")
    return download_archives([archive], folder / "an4", config.mirror, on_progress)


def prepare_an4(config: An4CorpusConfig, root: Path) -> list[Recording]:
    """List the utterances of both transcription files; the speaker is the folder.

    Raises:
        CorpusError: the corpus or a transcription file is not there.
    """
    files = extracted(root, ARCHIVES[config.encoding], "an4", ABOUT.licence)
    transcripts: list[Transcript] = []
    malformed: list[Recording] = []
    for table, split in SPLITS.items():
        found = [name for name in files.names if name.endswith(f"/etc/{table}")]
        if not found:
            raise CorpusError(f"{files.folder}: etc/{table} is missing")
        _read_table(files, found[0], split, transcripts, malformed)
    audio, raw = files.audio(*SUFFIXES[config.encoding]), RAW if config.encoding == "raw" else None
    return [*join_transcripts(files, audio, transcripts, _speaker, raw), *malformed]


def _read_table(
    files: CorpusFiles, table: str, split: str, transcripts: list[Transcript], malformed: list[Recording]
) -> None:
    for number, line in enumerate(files.lines(table), start=1):
        place = f"{table} line {number}"
        match = _LINE.fullmatch(line)
        if match is not None:
            transcripts.append(Transcript(match[2], match[1].strip(), place, split))
        elif line.strip():
            malformed.append(files.problem(place, f"{line.strip()!r} is not '<s> WORDS </s> (id)'"))


def _speaker(name: str) -> str:
    return f"an4-{name.split('/')[-2]}"
