"""`kws retrain` on a cluster of three nodes that loses a node, or its driver, in each long stage (`make test-slow`).

Each test prints its row of the table in `infra/SCALING.md`; `tests/benchmarks/faults.py` prints them all.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cluster import Cluster, ray_cluster
from experiments import NAME, Run, kill_run, start, tiny_experiment, write_preset
from servers import BIN
from store_files import part_keys, store_files

pytestmark = pytest.mark.slow

STORE = Path("runs") / NAME / "store"
EXPERIMENT = tiny_experiment(
    # long enough to lose something in the middle
    features_stage={"copies": 4},
    augmentation={"waveform": {"noise_share": 1.0}},
    training={"epochs": 6},
    search={
        "trials": 2,
        "max_epochs": 4,
        "grace_epochs": 4,
        "parallel_trials": 2,
        "encoders": [{"name": "res15", "maps": 8, "stem_pooling": [6, 5]}],
    },
)
BEFORE = {"features": "segments", "search": "pairs", "refit": "search"}
"""The stage whose last line on the terminal says that the next one begins."""
DATA = ("utterances", "reference", "words", "segments")
FINISHED = {"features": DATA, "search": (*DATA, "features", "selection", "pairs")}
FINISHED["refit"] = FINISHED["search"]
"""Datasets that are there when a stage begins."""


def _features_begun(store: Path) -> int:
    return len(part_keys(store, "features"))


def _epochs_tried(store: Path) -> int:
    return len(list(store.glob("searches/**/checkpoint.pt")))


def _epochs_refitted(store: Path) -> int:
    progress = list((store / "documents" / "progress").glob("[!.]*.json"))
    return int(json.loads(progress[0].read_text())["epoch"]) if progress else 0


DONE: dict[str, Callable[[Path], int]] = {
    "features": _features_begun,
    "search": _epochs_tried,
    "refit": _epochs_refitted,
}
"""Parts or epochs that a stage has stored; something is killed when there is one."""
UNIT = {"features": "parts", "search": "epochs of 2 trials", "refit": "epochs"}


@dataclass
class Watched:
    """A run whose lines on the terminal are noted with their times."""

    run: Run
    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def look(self) -> None:
        """Note new lines."""
        said = [
            line for line in self.run.stderr.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1:] == "\n"
        ]
        self.lines += [(time.monotonic(), line.rstrip()) for line in said[len(self.lines) :]]

    def until(self, happened: Callable[[], bool], timeout_s: float = 900) -> None:
        """Wait until something has happened; raises when the run ends before."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            self.look()
            assert self.run.process.poll() is None, self.run.stderr.read_text()
            assert time.monotonic() < deadline, self.run.stderr.read_text()
            time.sleep(0.05)

    def finish(self, timeout_s: float = 1200) -> float:
        """Wait until it has succeeded; returns when."""
        deadline = time.monotonic() + timeout_s
        while self.run.process.poll() is None:
            self.look()
            assert time.monotonic() < deadline, self.run.stderr.read_text()
            time.sleep(0.05)
        ended = time.monotonic()
        self.look()
        assert self.run.process.returncode == 0, self.run.stderr.read_text()
        return ended

    def stage_begins(self, stage: str) -> float:
        """When the stage before had said its last line."""
        self.look()
        return max(when for when, line in self.lines if line.startswith(f"{BEFORE[stage]} "))

    def said(self) -> str:
        """What a user saw of the fault."""
        return "; ".join(" ".join(line.split()) for _, line in self.lines if re.search(r"\blost\b", line))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_cluster(2) as running:
        yield running


def watched(cluster: Cluster, prefect_server: dict[str, str], folder: Path) -> Watched:
    preset = write_preset(folder / "tiny.yaml", EXPERIMENT)
    command = [str(BIN / "kws"), "retrain", "--preset", str(preset)]
    return Watched(start(command, folder, {**prefect_server, **cluster.env}))


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to."""

    store: Path
    files: dict[str, str]
    seconds: dict[str, float]
    """From the beginning of a stage until all was done."""


@pytest.fixture(scope="module")
def undisturbed(
    cluster: Cluster, prefect_server: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    running = watched(cluster, prefect_server, folder)
    try:
        ended = running.finish()
    finally:
        kill_run(running.run)
    seconds = {stage: ended - running.stage_begins(stage) for stage in BEFORE}
    return Undisturbed(folder / STORE, result_files(folder / STORE), seconds)


def result_files(store: Path) -> dict[str, str]:
    """SHA-256 of all datasets, of the encoder and of the bundle."""
    return {
        name: digest
        for name, (digest, _) in store_files(store).items()
        if name.startswith(("parts/", "manifests/", "objects/encoder/", "objects/bundle/"))
        and not Path(name).name.startswith(".")
    }


def with_finished_stages(undisturbed: Undisturbed, stage: str, folder: Path) -> None:
    """Copy what an undisturbed run had made before a stage."""
    for dataset in FINISHED[stage]:
        for room in ("parts", "manifests"):
            if (undisturbed.store / room / dataset).exists():
                shutil.copytree(undisturbed.store / room / dataset, folder / STORE / room / dataset)
    if stage == "refit":
        shutil.copytree(undisturbed.store / "documents" / "search", folder / STORE / "documents" / "search")


def print_row(killed: str, stage: str, stored: int, seconds: float, usual_s: float, said: str) -> None:
    print(
        f"\n| {killed} | {stage}, {stored} {UNIT[stage]} stored | {said or 'nothing'} "
        f"| {seconds:.0f} s, undisturbed {usual_s:.0f} s |"
    )


@pytest.mark.parametrize("stage", DONE)
def test_a_lost_node_changes_nothing(
    stage: str, cluster: Cluster, prefect_server: dict[str, str], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with_finished_stages(undisturbed, stage, tmp_path)
    store = tmp_path / STORE
    running = watched(cluster, prefect_server, tmp_path)
    try:
        running.until(lambda: DONE[stage](store) > 0)
        busy = cluster.busy_workers()
        assert busy, "no node was at work"
        cluster.lose(busy[0])
        stored = DONE[stage](store)
        ended = running.finish()
    finally:
        kill_run(running.run)
        cluster.add_workers(2 - len(cluster.workers))
    assert result_files(store) == undisturbed.files
    assert "Traceback" not in running.run.stderr.read_text()
    assert ("has lost its worker and goes on" in running.said()) is (stage == "search")
    seconds = ended - running.stage_begins(stage)
    print_row("worker node", stage, stored, seconds, undisturbed.seconds[stage], running.said())


@pytest.mark.parametrize("stage", DONE)
def test_a_killed_driver_changes_nothing(
    stage: str, cluster: Cluster, prefect_server: dict[str, str], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with_finished_stages(undisturbed, stage, tmp_path)
    store = tmp_path / STORE
    first = watched(cluster, prefect_server, tmp_path)
    try:
        first.until(lambda: DONE[stage](store) > 0)
    finally:
        kill_run(first.run)
    killed, killed_at = time.monotonic(), time.time()
    stored = DONE[stage](store)
    times = {path: path.stat().st_mtime_ns for path in (store / "parts").rglob("*.json")}
    second = watched(cluster, prefect_server, tmp_path)
    try:
        if stage == "refit":  # goes on from what was stored
            second.until(lambda: DONE[stage](store) != stored)
            assert DONE[stage](store) > stored
        ended = second.finish()
    finally:
        kill_run(second.run)
    assert result_files(store) == undisturbed.files
    # complete parts are not made again
    assert {path: path.stat().st_mtime_ns for path in times} == times
    if stage == "search":  # epochs of before the kill are not trained again
        (found,) = (store / "documents" / "search").glob("[!.]*.json")
        epochs = [epoch for trial in json.loads(found.read_text())["trials"] for epoch in trial["history"]]
        assert sum(epoch["time"] < killed_at for epoch in epochs) >= 1
        assert len(epochs) == 2 * 4
    seconds = killed - first.stage_begins(stage) + ended - second.began
    print_row("driver", stage, stored, seconds, undisturbed.seconds[stage], second.said())


def test_only_who_has_the_token_is_answered(cluster: Cluster) -> None:
    wrong = cluster.folder / "wrong"
    wrong.write_text("0" * 64)
    assert not cluster.admits(wrong)
    assert cluster.admits(cluster.folder / "token")
