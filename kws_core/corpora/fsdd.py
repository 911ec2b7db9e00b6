"""Recipe `fsdd`: the Free Spoken Digit Dataset, digits at 8 kHz."""

import re
from pathlib import Path

from kws_core.config import FsddCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.download import OnProgress, RemoteFile
from kws_core.corpora.published_archives import download_archives, extracted
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.errors import CorpusError

ABOUT = About(
    title="Free Spoken Digit Dataset",
    language="en",
    size="16 MB, 3,000 digits, 6 speakers",
    licence="CC BY-SA 4.0",
    home="https://github.com/Jakobovski/free-spoken-digit-dataset",
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST_TAKES = 5
"""The first takes of each digit and speaker are the test set."""
_NAME = re.compile(r"(\d)_([^_/]+)_(\d+)\.wav")


def download_fsdd(config: FsddCorpusConfig, folder: Path, on_progress: OnProgress | None = None) -> Path:
    """Fetch and extract the release below `folder`; returns its folder. Raises `CorpusError`."""
    # made by the code host when asked: no checksum is published
    archive = RemoteFile(f"{ABOUT.home}/archive/refs/tags/{_archive(config)}")
    return download_archives([archive], folder / "fsdd", config.mirror, on_progress)


def prepare_fsdd(config: FsddCorpusConfig, root: Path) -> list[Recording]:
    """List the digits, named `<digit>_<speaker>_<take>.wav`. Raises `CorpusError` when the corpus is not there."""
    files = extracted(root, _archive(config), f"fsdd-{config.version}", ABOUT.licence)
    names = [name for name in files.audio(".wav") if "/recordings/" in f"/{name}"]
    if not names:
        raise CorpusError(f"{files.folder}: holds no folder recordings with WAV files")
    return [_digit(files, name) for name in names]


def _digit(files: CorpusFiles, name: str) -> Recording:
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if match is None:
        return files.problem(name, "the name is not <digit>_<speaker>_<take>.wav")
    split = "test" if int(match[3]) < TEST_TAKES else "train"
    return files.recording(name, speaker_id=f"fsdd-{match[2]}", text=DIGITS[int(match[1])], split=split)


def _archive(config: FsddCorpusConfig) -> str:
    return f"v{config.version}.tar.gz"
