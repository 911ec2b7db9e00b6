"""Recipe `aishell`: AISHELL-1, read Mandarin.

Source: Bu et al., AISHELL-1: an open-source Mandarin speech corpus and a speech recognition baseline (2017).
"""

import re
from pathlib import Path

from kws_core.config import AishellCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.download import OnProgress, RemoteFile
from kws_core.corpora.published_archives import download_archives, extract_once, extracted
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.corpora.transcripts import Transcript, join_transcripts, split_line
from kws_core.errors import CorpusError

ABOUT = About(
    title="AISHELL-1",
    language="zh",
    size="15 GB, 178 h, 400 speakers",
    licence="Apache-2.0",
    home="https://www.openslr.org/33",
)
ARCHIVE = RemoteFile("https://www.openslr.org/resources/33/data_aishell.tgz", md5="2f494334227864a8a8fec932999db9d8")
TRANSCRIPT = "aishell_transcript_v0.8.txt"
SPLITS = {"train": "train", "dev": "development", "test": "test"}
_SPEAKER = re.compile(r"S\d{4}")


def download_aishell(config: AishellCorpusConfig, folder: Path, on_progress: OnProgress | None = None) -> Path:
    """Fetch the archive and extract it and the archives of single speakers in it; returns the corpus's folder.

    Raises:
        CorpusError: an archive cannot be fetched or extracted.
    """
    root = download_archives([ARCHIVE], folder / "aishell", config.mirror, on_progress)
    files = extracted(root, ARCHIVE.name, "aishell", ABOUT.licence)
    for name in files.names:
        if name.endswith(".tar.gz") and "/wav/" in f"/{name}":
            # named by what they came out of: no checksum of their own is needed
            extract_once(files.folder / name, (files.folder / name).parent, files.checksum)
    return root


def prepare_aishell(config: AishellCorpusConfig, root: Path) -> list[Recording]:
    """List the utterances of the subsets `train`, `dev`, `test`; the speaker is the folder, such as S0002.

    Raises:
        CorpusError: the corpus or its transcript is not there.
    """
    files = extracted(root, ARCHIVE.name, "aishell", ABOUT.licence)
    subsets = {name: _subset(name) for name in files.audio(".wav")}
    speakers = {_speaker(name): subset for name, subset in subsets.items()}
    transcripts = []
    for transcript in _transcripts(files):
        # an id names its speaker, who is in one subset; one of an unknown speaker is reported
        named = _SPEAKER.search(transcript.recording_id)
        subset = speakers.get(f"aishell-{named[0]}", "") if named else ""
        if not subset or subset in config.subsets:
            place = transcript.place
            transcripts.append(Transcript(transcript.recording_id, transcript.text, place, SPLITS.get(subset, "")))
    audio = [name for name, subset in subsets.items() if subset in config.subsets]
    if not audio:
        raise CorpusError(f"{files.folder}: no WAV files in folders named {', '.join(config.subsets)}")
    return join_transcripts(files, audio, transcripts, _speaker)


def _transcripts(files: CorpusFiles) -> list[Transcript]:
    tables = [name for name in files.names if name.endswith(TRANSCRIPT)]
    if not tables:
        raise CorpusError(f"{files.folder}: {TRANSCRIPT} is missing")
    return [
        split_line(line, f"{table} line {number}")
        for table in tables
        for number, line in enumerate(files.lines(table), start=1)
    ]


def _subset(name: str) -> str:
    return next((folder for folder in name.split("/")[:-1] if folder in SPLITS), "")


def _speaker(name: str) -> str:
    return f"aishell-{name.split('/')[-2]}"
