"""Archives of published corpora: fetched once, extracted once, known by their checksums ever after.

What is extracted lies in a folder of the archive's name below the corpus's, with `NAME.json` beside it that keeps the
checksum. Where both are, nothing is fetched again: the archive itself may be deleted.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from kws_core.atomic_file import write_atomically
from kws_core.corpora.archive import extract_archive
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.download import OnProgress, RemoteFile, fetch
from kws_core.corpora.download.completion import read_completion
from kws_core.errors import CorpusError

CORPORA_VARIABLE = "KWS_CORPORA"


def corpora_folder(folder: str = "") -> Path:
    """Where corpora live: the folder given, else that of KWS_CORPORA, else `~/.cache/kws-foundry/corpora`."""
    chosen = folder or os.environ.get(CORPORA_VARIABLE, "")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "kws-foundry" / "corpora"


def download_archives(
    files: Sequence[RemoteFile], folder: Path, mirror: str = "", on_progress: OnProgress | None = None
) -> Path:
    """Fetch and extract the archives that are not there yet, each into a folder of its own; returns `folder`.

    Args:
        files: the archives.
        folder: of the corpus.
        mirror: a folder or URL that holds them, in place of their public addresses; "" for none.
        on_progress: see `fetch`.

    Raises:
        CorpusError: an archive cannot be fetched, has another checksum or is not what it should be.
    """
    missing = [file for file in files if _recorded_checksum(folder, file.name) is None]
    if not missing:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(f"{folder}: cannot be made: {error.strerror or error}") from error
    archives = fetch(missing, folder, mirror=mirror or None, on_progress=on_progress)
    for file, archive in zip(missing, archives, strict=True):
        extract_once(archive, folder, file.sha256 or file.md5 or _fetched_sha256(archive))
    return folder


def extract_once(archive: Path, folder: Path, checksum: str) -> Path:
    """Extract an archive into the folder `folder/<its name without suffix>` and record its checksum beside it.

    Raises `CorpusError` when it cannot be extracted.
    """
    target = folder / stem(archive.name)
    if _recorded_checksum(folder, archive.name) is None:
        extract_archive(archive, target)
        record = {"archive": archive.name, "checksum": checksum}
        write_atomically(_record(folder, archive.name), json.dumps(record).encode())
    return target


def extracted(folder: Path, archive: str, title: str, licence: str, use: str = "") -> CorpusFiles:
    """What was extracted from an archive of the corpus in `folder`.

    Raises:
        CorpusError: it was not extracted there, or only in part.
    """
    checksum = _recorded_checksum(folder, archive)
    if checksum is None:
        raise CorpusError(f"{folder}: {archive} has not been extracted there")
    return CorpusFiles(folder / stem(archive), title, licence, checksum, use)


def stem(archive: str) -> str:
    """Name of an archive without its suffix, such as `dev-clean` of `dev-clean.tar.gz`."""
    for suffix in (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".zip"):
        if archive.endswith(suffix):
            return archive.removesuffix(suffix)
    raise CorpusError(f"{archive}: .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz and .zip are accepted")


def _record(folder: Path, archive: str) -> Path:
    return folder / f"{stem(archive)}.json"


def _recorded_checksum(folder: Path, archive: str) -> str | None:
    if not (folder / stem(archive)).is_dir():
        return None
    try:
        record = json.loads(_record(folder, archive).read_bytes())
        return str(record["checksum"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fetched_sha256(archive: Path) -> str:
    record = read_completion(archive)
    if record is None:
        raise CorpusError(f"{archive}: the record of its download has gone; run again")
    return record.sha256
