"""One file from its source to its verified place."""

import threading
from collections.abc import Callable
from pathlib import Path

import filelock

from kws_core.corpora.download.completion import (
    completion_path,
    digests_of,
    is_fetched,
    read_completion,
    record_completion,
)
from kws_core.corpora.download.location import open_location
from kws_core.corpora.download.partial import Partial
from kws_core.corpora.download.patience import Patience
from kws_core.corpora.download.redaction import redacted
from kws_core.corpora.download.remote_file import RemoteFile
from kws_core.corpora.download.source import Source, TransientError
from kws_core.errors import CorpusError


class Stopped(Exception):
    """Another download has failed or the user has interrupted; what has arrived is kept."""


class Transfer:
    """The download of one file into a folder; `run` may be called in a thread of its own."""

    def __init__(
        self,
        file: RemoteFile,
        target: Path,
        location: str,
        patience: Patience,
        report: Callable[[int, int | None], None],
        stop: threading.Event,
    ) -> None:
        """Keep what is to be done; nothing is opened yet."""
        self._file = file
        self._target = target
        self._location = location
        self._shown = redacted(location)
        self._patience = patience
        self._report = report
        self._stop = stop

    def run(self) -> None:
        """Bring the target there, verified; returns at once where it is.

        Raises:
            CorpusError: the file cannot be had, is not the expected one, or has no room.
            Stopped: `stop` was set.
        """
        lock = filelock.FileLock(self._target.with_name(f"{self._target.name}.lock"), poll_interval=0.1)
        try:
            with lock.acquire(cancel_check=self._stop.is_set):
                # another process may have brought it while this one waited
                if not is_fetched(self._file, self._target) and not self._adopt():
                    self._download()
        except filelock.Timeout:
            raise Stopped from None
        except OSError as error:
            raise CorpusError(f"{self._target} cannot be written: {error.strerror or error}") from error

    def _adopt(self) -> bool:
        """Take a file that lies there without a valid record, if it is the expected one; move it aside otherwise."""
        if not self._target.exists():
            return False
        if not self._target.is_file():
            raise CorpusError(f"{self._target} is in the way: it is no file")
        digests = digests_of(self._target)
        if self._fault(digests, self._target.stat().st_size) is None:
            self._finish(digests)
            return True
        self._target.replace(self._rejected)
        return False

    def _download(self) -> None:
        source = open_location(self._location, self._patience.silence_s)
        with Partial(self._target, self._shown) as partial:
            resumed = partial.size > 0
            self._bring(source, partial)
            fault = self._fault(partial.digests(), partial.size)
            if fault is not None and resumed:
                # what an earlier run left may be to blame
                partial.restart()
                self._bring(source, partial)
                fault = self._fault(partial.digests(), partial.size)
            if fault is not None:
                partial.finish(self._rejected)
                raise CorpusError(f"{self._shown}: {fault}; what came is kept as {self._rejected.name}")
            partial.finish(self._target)
        self._finish(partial.digests())

    def _bring(self, source: Source, partial: Partial) -> None:
        """Repeat tries until all bytes are here."""
        failures, furthest = 0, partial.size
        while True:
            try:
                self._try_once(source, partial)
                return
            except TransientError as error:
                if partial.size > furthest:
                    failures, furthest = 0, partial.size
                else:
                    failures += 1
                wait_s = self._patience.wait_s(failures) if error.wait_s is None else error.wait_s
                if failures >= self._patience.attempts or wait_s > self._patience.longest_wait_s:
                    advice = f"gave up after {failures} tries without progress"
                    if wait_s > self._patience.longest_wait_s:
                        advice = f"it asks to wait {wait_s:.0f} s"
                    raise CorpusError(
                        f"{self._shown}: {error}; {advice}; {partial.size:,} bytes are kept, the next run goes on there"
                    ) from None
                if self._stop.wait(wait_s):
                    raise Stopped from None

    def _try_once(self, source: Source, partial: Partial) -> None:
        total = self._file.size_bytes if self._file.size_bytes is not None else partial.total
        if partial.size and partial.size == total:
            return
        if not self._resumable(partial):
            partial.restart()
        with source.open(partial.size, partial.validator) as answer:
            expected = self._file.size_bytes
            if None not in (expected, answer.total) and expected != answer.total:
                raise CorpusError(f"{self._shown}: the file has {answer.total:,} bytes where {expected:,} are expected")
            if answer.start != partial.size or partial.size == 0:
                partial.restart(answer.validator, answer.total)
            elif None not in (partial.validator, answer.validator) and partial.validator != answer.validator:
                partial.restart()
                raise TransientError("the file changed between two tries", 0.0)
            total = answer.total if answer.total is not None else expected
            partial.require_room(total)
            for chunk in answer.chunks:
                if self._stop.is_set():
                    raise Stopped
                if total is not None and partial.size + len(chunk) > total:
                    partial.restart()
                    raise CorpusError(f"{self._shown}: sends more than the {total:,} bytes that the file has")
                partial.write(chunk)
                self._report(partial.size, total)
        if total is not None and partial.size < total:
            raise TransientError(f"the connection ended after {partial.size:,} of {total:,} bytes")

    def _resumable(self, partial: Partial) -> bool:
        """Without version and checksum, nobody would notice halves of two different files."""
        known = partial.validator or self._file.sha256 or self._file.md5
        return bool(known) and partial.size <= (self._file.size_bytes or partial.size)

    def _fault(self, digests: dict[str, str], size_bytes: int) -> str | None:
        """Say what is wrong with the content; None where it is the expected one."""
        if self._file.size_bytes not in (None, size_bytes):
            return f"{self._file.size_bytes:,} bytes are expected and {size_bytes:,} found"
        for kind, expected in (("sha256", self._file.sha256), ("md5", self._file.md5)):
            if expected is not None and expected != digests[kind]:
                return f"{kind} {expected} is expected and {digests[kind]} found"
        record = read_completion(self._target)
        published = self._file.sha256 or self._file.md5
        if published or record is None or record.url != redacted(self._file.url) or record.sha256 == digests["sha256"]:
            return None
        return (
            f"sha256 {record.sha256} was recorded by the first download and {digests['sha256']} is found now; "
            f"remove {completion_path(self._target)} to accept it"
        )

    def _finish(self, digests: dict[str, str]) -> None:
        try:
            record_completion(self._file, self._target, digests)
        except OSError as error:
            raise CorpusError(
                f"{completion_path(self._target)} cannot be written: {error.strerror}; the download itself is complete"
            ) from error

    @property
    def _rejected(self) -> Path:
        return self._target.with_name(f"{self._target.name}.rejected")
