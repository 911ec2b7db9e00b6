"""Several files at a time into one folder."""

import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial as bound
from pathlib import Path

from kws_core.corpora.download.completion import is_fetched
from kws_core.corpora.download.location import location_of
from kws_core.corpora.download.patience import Patience
from kws_core.corpora.download.progress import OnProgress
from kws_core.corpora.download.remote_file import RemoteFile
from kws_core.corpora.download.transfer import Stopped, Transfer
from kws_core.errors import CorpusError


def fetch(
    files: Sequence[RemoteFile],
    folder: Path,
    mirror: str | Path | None = None,
    on_progress: OnProgress | None = None,
    *,
    at_once: int = 4,
    patience: Patience | None = None,
) -> list[Path]:
    """Download files into a folder, each verified, and return their paths in the order given.

    A file that is there and recorded as finished costs no connection. One that lies there without a record (put there
    by hand) is taken when checksum and size are the published ones, or when none are published. An interrupted download
    goes on where it stopped. Processes that want the same file wait for each other.

    Args:
        files: what to download; their names differ.
        folder: made where it is missing; beside each file lie its record, and its part while it is incomplete.
        mirror: folder, or URL of one, that holds the files by name and replaces the public addresses.
        on_progress: called with the file's name, its bytes so far and its size (None: unknown), from several threads
            but never two at once.
        at_once: downloads side by side.
        patience: how long each is tried.

    Raises:
        CorpusError: a file cannot be had, is not the expected one or has no room; the other downloads stop, and what
            has arrived is kept.
    """
    repeated = [name for name, count in Counter(file.name for file in files).items() if count > 1]
    if repeated:
        raise CorpusError(f"several files of one download are named {repeated[0]!r}; each needs a name of its own")
    pending = [file for file in files if not is_fetched(file, folder / file.name)]
    if pending:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CorpusError(f"{folder} cannot be made: {error.strerror}") from error
        _require_room(pending, folder)
        _run(pending, folder, mirror, on_progress, max(1, at_once), patience or Patience())
    return [folder / file.name for file in files]


def _require_room(files: list[RemoteFile], folder: Path) -> None:
    """Each download checks for itself; together they need more."""
    sizes = {folder / file.name: file.size_bytes or 0 for file in files}
    missing = 0
    for target, size_bytes in sizes.items():
        part = target.with_name(f"{target.name}.partial")
        if not target.exists():
            missing += max(0, size_bytes - (part.stat().st_size if part.exists() else 0))
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise CorpusError(f"{folder}: {missing:,} bytes are to come and {free:,} are free on the disk; make room first")


def _run(
    files: list[RemoteFile],
    folder: Path,
    mirror: str | Path | None,
    on_progress: OnProgress | None,
    at_once: int,
    patience: Patience,
) -> None:
    stop, lock = threading.Event(), threading.Lock()

    def report(name: str, done_bytes: int, total_bytes: int | None) -> None:
        if on_progress is not None:
            with lock:
                on_progress(name, done_bytes, total_bytes)

    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="download") as executor:
        futures = []
        try:
            for file in files:
                transfer = Transfer(
                    file, folder / file.name, location_of(file, mirror), patience, bound(report, file.name), stop
                )
                futures.append(executor.submit(transfer.run))
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            for future in futures:
                future.cancel()
    failures = [future.exception() for future in futures if not future.cancelled()]
    for failure in failures:
        if failure is not None and not isinstance(failure, Stopped):
            raise failure
