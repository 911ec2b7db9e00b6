"""Recipe `librispeech`: LibriSpeech and mini LibriSpeech, any subset.

Source: Panayotov et al., LibriSpeech: an ASR corpus based on public domain audio books (2015).
"""

from pathlib import Path

from kws_core.config import LibriSpeechCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.download import OnProgress, RemoteFile
from kws_core.corpora.published_archives import download_archives, extracted
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.corpora.transcripts import join_transcripts, split_line
from kws_core.errors import CorpusError

ABOUT = About(
    title="LibriSpeech and mini LibriSpeech",
    language="en",
    size="60 GB, 982 h; subsets from 126 MB (dev-clean-2) to 30 GB (train-other-500)",
    licence="CC BY 4.0",
    home="https://www.openslr.org/12 and https://www.openslr.org/31",
)
ADDRESS = "https://www.openslr.org/resources"
MD5 = {
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
}
"""Of the subsets' archives, as published with them."""
MINI = ("train-clean-5", "dev-clean-2")
SPLITS = {"train": "train", "dev": "development", "test": "test"}


def download_librispeech(config: LibriSpeechCorpusConfig, folder: Path, on_progress: OnProgress | None = None) -> Path:
    """Fetch and extract the archives of the subsets below `folder`; returns their folder. Raises `CorpusError`."""
    archives = [
        RemoteFile(f"{ADDRESS}/{31 if subset in MINI else 12}/{subset}.tar.gz", md5=MD5.get(subset))
        for subset in config.subsets
    ]
    return download_archives(archives, folder / "librispeech", config.mirror, on_progress)


def prepare_librispeech(config: LibriSpeechCorpusConfig, root: Path) -> list[Recording]:
    """List the utterances of the subsets; the split is that of the subset's name, the speaker is the reader.

    Raises:
        CorpusError: a subset is not there.
    """
    recordings: list[Recording] = []
    for subset in config.subsets:
        files = extracted(root, f"{subset}.tar.gz", f"librispeech-{subset}", ABOUT.licence)
        recordings.extend(_subset(files, subset))
    return recordings


def _subset(files: CorpusFiles, subset: str) -> list[Recording]:
    audio = [name for name in files.audio(".flac") if f"/{subset}/" in f"/{name}"]
    if not audio:
        raise CorpusError(f"{files.folder}: holds no folder {subset} with FLAC files, as LibriSpeech does")
    split = SPLITS[subset.partition("-")[0]]
    transcripts = [
        split_line(line, f"{table} line {number}", split)
        for table in files.names
        if table.endswith(".trans.txt")
        for number, line in enumerate(files.lines(table), start=1)
    ]
    return join_transcripts(files, audio, transcripts, _reader)


def _reader(name: str) -> str:
    return f"ls-{name.rpartition('/')[2].partition('-')[0]}"
