"""A run that is killed in any stage, then run again, ends as if nothing had happened."""

import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from experiments import KWS, NAME, FullRun, kill_run, run_command, run_kws, start, write_preset
from registry_json import registry_json
from store_files import dataset_files, part_keys

STORE = Path("runs") / NAME / "store"
DATABASE = Path("runs") / NAME / "mlflow.db"


def _part_of(stage: str) -> Callable[[Path, str], bool]:
    return lambda folder, said: bool(part_keys(folder / STORE, stage))


def _said(stage: str) -> Callable[[Path, str], bool]:
    return lambda folder, said: any(line.startswith(f"{stage} ") for line in said.splitlines())


def _found(pattern: str) -> Callable[[Path, str], bool]:
    return lambda folder, said: any((folder / "runs" / NAME).glob(pattern))


def _bundle_is_logged(folder: Path, said: str) -> bool:
    if not (folder / DATABASE).exists():
        return False
    try:
        with sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True) as database:
            logged = database.execute("select count(*) from tags where key = 'kws.bundle'")
            return bool(logged.fetchone()[0])
    except sqlite3.OperationalError:  # its tables are still being made
        return False


KILLS: dict[str, Callable[[Path, str], bool]] = {
    "ingest": _part_of("utterances"),
    "align": _part_of("words"),
    "cut": _part_of("segments"),
    "featurise": _part_of("features"),
    "select": _part_of("selection"),
    "search": _found("store/searches/*/*/checkpoint_*"),
    "refit": _found("store/objects/encoder/*/checkpoint.pt"),
    "package": _part_of("embeddings"),
    "register": _bundle_is_logged,
    "promote": _said("register"),
    "report": _said("gate"),
}
"""The moment of each kill: something of the stage is done, or the stage before it has just been finished."""


@dataclass(frozen=True)
class Killed:
    """What a killed run left."""

    stage: str
    finished: list[str]
    """Stages that had been finished."""
    parts: int
    """Complete parts in the store."""

    def row(self, seconds: float) -> str:
        return f"{self.stage:<10} {len(self.finished):>8} {self.parts:>6} {seconds:>10.1f} s"


def kill_in(stage: str, command: list[str], folder: Path, timeout_s: float = 300) -> Killed:
    """Run a command and SIGKILL it with all its processes at the moment of `KILLS`."""
    run = start(command, folder)
    deadline = time.monotonic() + timeout_s
    try:
        while not KILLS[stage](folder, run.stderr.read_text(encoding="utf-8")):
            assert run.process.poll() is None, f"it ended before {stage}: {run.stderr.read_text()}"
            assert time.monotonic() < deadline, f"{stage} was not reached"
            time.sleep(0.02)
    finally:
        kill_run(run)
    assert run.process.returncode == -9
    finished = [line.split()[0] for line in run.stderr.read_text(encoding="utf-8").splitlines() if line[:1].isalpha()]
    return Killed(stage, finished, sum(1 for _ in (folder / STORE / "parts").glob("*/[!.]*.json")))


def test_a_run_killed_while_it_aligns_goes_on_and_makes_the_same_bytes(full_run: FullRun, tmp_path: Path) -> None:
    preset = write_preset(tmp_path / "tiny.yaml")
    script = Path(__file__).with_name("data_stages.py")
    # what comes after the alignment is killed by `make test-slow`
    command = [sys.executable, str(script), str(preset), str(tmp_path / STORE.parent), "words"]
    # synthesis is not what is tried here, and the longest
    for kind, stage in [("parts", "utterances"), ("parts", "reference"), ("manifests", "utterances")]:
        shutil.copytree(full_run.store / kind / stage, tmp_path / STORE / kind / stage)
    killed = kill_in("align", command, tmp_path)
    store = tmp_path / STORE
    assert killed.finished == ["utterances"]
    assert 1 <= len(part_keys(store, "words")) < len(part_keys(full_run.store, "words"))
    assert not (store / "manifests" / "words").exists()

    finished = run_command(command, tmp_path, timeout_s=200)
    assert finished.status == 0, finished.stderr
    assert "nothing to compute" in finished.lines()["utterances"][0]
    # the manifest of the reference is written for the report, which these stages do not reach
    made = ("parts/utterances/", "parts/reference/", "parts/words/", "manifests/utterances/", "manifests/words/")
    wanted = {name: digest for name, digest in dataset_files(full_run.store).items() if name.startswith(made)}
    assert {name.rsplit("/", 1)[0] + "/" for name in wanted} == set(made)
    assert dataset_files(store) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("stage", KILLS)
def test_a_retrain_killed_in_any_stage_completes(stage: str, full_run: FullRun, tmp_path: Path) -> None:
    preset = write_preset(tmp_path / "tiny.yaml")
    killed = kill_in(stage, [str(KWS), "retrain", "--preset", str(preset)], tmp_path)
    finished = run_kws("retrain", "--preset", preset, cwd=tmp_path, timeout_s=400)
    assert finished.status == 0, finished.stderr
    assert dataset_files(tmp_path / STORE) == dataset_files(full_run.store)
    print("\nstage      finished  parts  to complete")
    print(killed.row(finished.seconds))

    registry = registry_json(f"sqlite:///{tmp_path / DATABASE}", NAME, tmp_path)
    assert registry["aliases"] == {"challenger": "1", "champion": "1"}
    assert list(registry["versions"]) == ["1"]
    parent = registry["versions"]["1"]["run"]
    assert registry["runs"][parent]["status"] == "FINISHED"
    assert "report.html" in registry["runs"][parent]["artifacts"]
    (search,) = (key for key, run in registry["runs"].items() if run["tags"].get("kws.kind") == "search")
    children = [run for run in registry["runs"].values() if run["tags"].get("mlflow.parentRunId") == search]
    assert sorted(run["tags"]["kws.search_trial"] for run in children if run["status"] == "FINISHED") == ["0", "1"]
    assert not list((tmp_path / STORE / "searches").glob("*"))
