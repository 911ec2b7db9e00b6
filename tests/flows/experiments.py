"""A tiny experiment and the real `kws` command in a subprocess."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KWS = Path(sys.executable).with_name("kws")
NAME = "tiny"
KEYWORDS = ("computer", "kitchen", "music")
OTHER_KEYWORDS = ("computer", "marvin", "weather")
SPEAKERS = 11
"""In 4 parts. The twelfth makes a part of its own; the thirteenth is where a part ends, so it splits one in two."""
RUN_TAG = "KWS_TEST_RUN"


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    def lines(self) -> dict[str, list[str]]:
        """The finished stages' lines on standard error, by stage."""
        found: dict[str, list[str]] = {}
        for line in self.stderr.splitlines():
            if match := re.match(r"([a-z]+) {2,}(\S.*)", line):
                found.setdefault(match[1], []).append(match[2])
        return found


@dataclass(frozen=True)
class FullRun:
    """An undisturbed `kws retrain` of the tiny experiment."""

    folder: Path
    preset: Path
    finished: Finished
    secrets: Mapping[str, str]
    """Variables of its environment that must not be found in anything that it left behind."""
    ray_logs: Path

    @property
    def workspace(self) -> Path:
        return self.folder / "runs" / NAME

    @property
    def store(self) -> Path:
        return self.workspace / "store"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.workspace / 'mlflow.db'}"

    @property
    def bundle(self) -> Path:
        (found,) = (path for path in (self.workspace / "bundles").iterdir() if not path.name.startswith("."))
        return found


def tiny_experiment(**sections: Any) -> dict[str, Any]:
    """The whole line in under a minute; `sections` replace its sections."""
    return {
        "name": NAME,
        "corpora": {"demo": {"recipe": "demo", "speakers": SPEAKERS, "keyword_repeats": 1, "other_words": 8}},
        "ingest": {"part_bytes": 1_400_000},
        "segments": {"background_share": 0.2},
        "selection": {
            "keywords": list(KEYWORDS),
            "development_share": 0.25,
            "test_share": 0.15,
            "min_train_segments": 2,
            "pairs": 500,
        },
        "loss": {"margin_ramp_epochs": 1},
        "training": {"epochs": 2},
        "search": {
            "trials": 2,
            "max_epochs": 1,
            "grace_epochs": 1,
            "parallel_trials": 2,
            "encoders": [{"name": "res15", "maps": 8, "stem_pooling": [6, 5]}],
        },
        "backends": {"svm_c": [1.0], "svm_gamma": [1.0]},
        "gate": {"max_frr": 1.0, "min_target_accuracy": 0.0, "min_non_target_accuracy": 0.0},
        **sections,
    }


def write_preset(path: Path, experiment: dict[str, Any] | None = None) -> Path:
    """Write an experiment, or the tiny one, as a preset."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(experiment or tiny_experiment()), encoding="utf-8")
    return path


def run_kws(*arguments: str | Path, cwd: Path, timeout_s: float, env: Mapping[str, str] | None = None) -> Finished:
    """Run the real `kws` in a folder; nothing that it started outlives it."""
    return run_command([str(KWS), *map(str, arguments)], cwd, timeout_s, env)


def run_command(command: list[str], cwd: Path, timeout_s: float, env: Mapping[str, str] | None = None) -> Finished:
    """Run a command in a folder; past the timeout it and all that it started are killed and `TimeoutExpired` raised."""
    started = time.monotonic()
    run = start(command, cwd, env)
    try:
        status = run.process.wait(timeout_s)
        seconds = time.monotonic() - started
    finally:
        kill_run(run)
    return Finished(status, run.stdout.read_text(), run.stderr.read_text(), seconds)


@dataclass(frozen=True)
class Run:
    """A command at work; its descendants are told by a tag in their environment, whatever session they moved to."""

    process: subprocess.Popen[bytes]
    tag: str
    stdout: Path
    stderr: Path


def start(command: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> Run:
    """Start a command in a session of its own, on a Ray of its own, its output going to files in the folder."""
    tag = uuid.uuid4().hex
    # nothing of the caller's own set-up may reach a test
    foreign = ("KWS_", "MLFLOW_TRACKING_URI", "PREFECT_API_URL", "RAY_ADDRESS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {"COLUMNS": "200", "RAY_ADDRESS": "local", "PREFECT_HOME": str(cwd / ".prefect"), RUN_TAG: tag}
    # Ray's workers give way to all else: on a machine with other work they would hardly run
    ours["RAY_worker_niceness"] = "0"
    stdout, stderr = cwd / f"{tag}.stdout", cwd / f"{tag}.stderr"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**inherited, **ours, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    return Run(process, tag, stdout, stderr)


def kill_run(run: Run) -> int:
    """SIGKILL the driver's process group and every descendant of the run; returns how many outlived the driver."""
    with suppress(ProcessLookupError):
        os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    left = 0
    deadline = time.monotonic() + 20
    while processes := tagged_processes(run.tag):
        left = max(left, len(processes))
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {processes} survive SIGKILL")
        time.sleep(0.05)
    return left


def tagged_processes(tag: str) -> list[int]:
    """Live processes that inherited the tag of a run."""
    wanted = f"{RUN_TAG}={tag}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        # gone meanwhile, or another user's; the environment of a zombie is empty
        with suppress(OSError):
            if folder.name.isdigit() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found
