"""The program `mfa`: started, watched, stopped, and its complaints read."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kws_core.errors import AlignmentError

WRONG_ARGUMENTS = 2
"""Exit status for a model, dictionary or corpus that is not there."""
NONE_ALIGNED = "There were no successful alignments"
"""What MFA says, with exit status 1, when it ran well and not one transcript fits its audio."""
GRACE_S = 10.0
VERSION_TIME_LIMIT_S = 300.0

_HELP = "install it from infra/mfa, or set alignment.mfa.command"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_FRAME = re.compile(r"[\u2500-\u257f]+")
_COMPLAINT = re.compile(r"^(\w+\.)*\w*(Error|Exception)\b")
# of another Python's environment: they would lead MFA's interpreter astray
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class MfaRunError(Exception):
    """One run of MFA failed or took too long; the message is the reason in a few words."""


class NoneAlignedError(MfaRunError):
    """The run was well, but none of its utterances could be aligned."""


@dataclass(frozen=True)
class MfaProgram:
    """How to start MFA."""

    command: tuple[str, ...]
    version: str
    time_limit_s: float

    def check(self) -> None:
        """Raise `AlignmentError` unless the program is there and of the version configured; asked once a process."""
        _check(self)

    def run(self, arguments: Sequence[str], root: Path, time_limit_s: float = 0.0) -> str:
        """Run a command of MFA with `root` for its state, and return what it printed.

        The program and all processes that it started are gone when this returns or raises.

        Raises:
            AlignmentError: it cannot be started, or says that an argument of ours is wrong.
            MfaRunError: it failed or took longer than `time_limit_s` (0: the program's own limit).
            NoneAlignedError: it aligned nothing.
        """
        limit_s = time_limit_s or self.time_limit_s
        root.mkdir(parents=True, exist_ok=True)
        log = root / "console.log"
        with log.open("wb") as sink:
            status = self._wait([*self.command, *arguments], root, sink.fileno(), limit_s)
        text = log.read_text(encoding="utf-8", errors="replace")
        if status == 0:
            return text
        reason = complaint(text) or f"exit status {status} and no message"
        if status == WRONG_ARGUMENTS:
            raise AlignmentError(f"mfa {arguments[0]} refuses its arguments: {reason}")
        if NONE_ALIGNED in " ".join(text.split()):
            raise NoneAlignedError(reason)
        raise MfaRunError(reason)

    def _wait(self, command: list[str], root: Path, sink: int, limit_s: float) -> int:
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is the user's own configuration
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=self._environment(root),
                start_new_session=True,
            )
        except OSError as error:
            raise AlignmentError(
                f"MFA cannot be started on {os.uname().nodename}: {command[0]!r}: {error.strerror or error}; {_HELP}"
            ) from error
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise MfaRunError(f"it took longer than {limit_s:g} s") from error
        finally:
            # also when this process is interrupted: MFA works in processes of its own
            _stop_group(process)

    def _environment(self, root: Path) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        environment |= {"MFA_ROOT_DIR": str(root), "COLUMNS": "200", "NO_COLOR": "1"}
        if Path(self.command[0]).is_absolute():
            # programs of the same environment, which is not activated
            folder = str(Path(self.command[0]).parent)
            environment["PATH"] = os.pathsep.join([folder, environment.get("PATH", os.defpath)])
        return environment


def complaint(text: str) -> str:
    """The error in what MFA printed, on one line without colours and frames; the last line where nothing names one."""
    lines = [" ".join(_FRAME.sub(" ", _ANSI.sub("", line)).split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    for number in reversed(range(len(lines))):
        if _COMPLAINT.match(lines[number]):
            return " ".join(lines[number : number + 3])[:300]
    return lines[-1][:300] if lines else ""


@cache
def _check(program: MfaProgram) -> None:
    with tempfile.TemporaryDirectory(prefix="kws-mfa-") as folder:
        try:
            said = program.run(["version"], Path(folder), VERSION_TIME_LIMIT_S)
        except MfaRunError as error:
            raise AlignmentError(f"MFA does not tell its version: {error}; {_HELP}") from error
    found = re.search(r"\b\d+\.\d+(\.\d+)?\S*", said)
    version = found.group() if found else repr(said.strip()[:80])
    if version != program.version:
        raise AlignmentError(
            f"MFA is version {version}, not {program.version}: {_HELP}, or set alignment.mfa.version "
            "(every utterance is then aligned anew)"
        )


def _stop_group(process: "subprocess.Popen[bytes]") -> None:
    """End the program and what it started: politely, then for good."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
