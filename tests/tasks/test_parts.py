"""Datasets made part by part on a real local Ray."""

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kws_core.errors import AudioError, CorpusError
from kws_core.manifest import Manifest, manifest_fingerprint
from kws_core.part import PartOutput, Quarantine
from kws_core.store import Store
from tasks import console, parts
from tasks.featurise import run_on_ray_data
from tasks.parts import Executor, Job, make_dataset, run_as_tasks

STAGE, VERSION = "numbers", 3
# Ray Data sets its own deprecated settings when it copies them
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")
BOTH_EXECUTORS = pytest.mark.parametrize("run", [run_as_tasks, run_on_ray_data])


@dataclass(frozen=True)
class Numbers:
    """Makes rows 0 to `rows` - 1, quarantines `rejected` inputs, and leaves a mark that it ran."""

    marks: Path
    rows: int
    rejected: int = 0
    reason_to_fail: str = ""

    def __call__(self, store: Store) -> PartOutput:
        # one file a call: a call that should not have been is seen
        number = len(list(self.marks.glob(f"{self.rows}-*")))
        (self.marks / f"{self.rows}-{number}").touch()
        if self.reason_to_fail:
            raise AudioError(self.reason_to_fail)
        quarantine = Quarantine(STAGE)
        for index in range(self.rejected):
            quarantine.add(f"input {index}", "not a number")
        return PartOutput(pa.table({"number": list(range(self.rows))}), quarantine.table())


@pytest.fixture(scope="module", autouse=True)
def _ray(local_ray: Any) -> None:
    # workers cannot import a test module
    local_ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def job(marks: Path, rows: int, rejected: int = 0, reason_to_fail: str = "") -> Job:
    return Job(f"key{rows}", "corpus", Numbers(marks, rows, rejected, reason_to_fail))


def calls(marks: Path) -> list[int]:
    return sorted(int(path.name.split("-")[0]) for path in marks.iterdir())


@BOTH_EXECUTORS
def test_parts_come_in_the_order_of_the_jobs(store: Store, marks: Path, run: Executor) -> None:
    manifest = make_dataset(store, STAGE, VERSION, [job(marks, rows) for rows in (3, 1, 2)], run=run)
    assert [part.key for part in manifest.parts] == ["key3", "key1", "key2"]
    assert [part.rows for part in manifest.parts] == [3, 1, 2]
    assert store.read_table(manifest)["number"].to_pylist() == [0, 1, 2, 0, 0, 1]
    assert calls(marks) == [1, 2, 3]


@BOTH_EXECUTORS
def test_only_missing_parts_are_computed(store: Store, marks: Path, run: Executor) -> None:
    make_dataset(store, STAGE, VERSION, [job(marks, 1), job(marks, 2)], run=run)
    make_dataset(store, STAGE, VERSION, [job(marks, 2), job(marks, 3)], run=run)
    assert calls(marks) == [1, 2, 3]


def test_a_dataset_that_exists_computes_nothing(store: Store, marks: Path) -> None:
    jobs = [job(marks, 1), job(marks, 2)]
    first = make_dataset(store, STAGE, VERSION, jobs)

    def refuse(*_: object) -> Iterator[None]:
        raise AssertionError("nothing is missing")

    assert make_dataset(store, STAGE, VERSION, jobs, run=refuse) == first


def test_a_part_without_its_description_is_computed_again(store: Store, marks: Path) -> None:
    jobs = [job(marks, 1), job(marks, 2)]
    first = make_dataset(store, STAGE, VERSION, jobs)
    root = Path(store.url)
    (root / "manifests" / STAGE / f"{first.fingerprint}.json").unlink()
    (root / "parts" / STAGE / "key2.json").unlink()
    assert make_dataset(store, STAGE, VERSION, jobs) == first
    assert calls(marks) == [1, 2, 2]


@BOTH_EXECUTORS
def test_a_failing_job_raises_its_own_error_and_what_was_made_stays(store: Store, marks: Path, run: Executor) -> None:
    make_dataset(store, STAGE, VERSION, [job(marks, 1)], run=run)
    jobs = [job(marks, 1), job(marks, 2, reason_to_fail="a.wav: not a readable recording"), job(marks, 3)]
    with pytest.raises(AudioError) as caught:
        make_dataset(store, STAGE, VERSION, jobs, run=run)
    assert type(caught.value) is AudioError
    assert str(caught.value) == "a.wav: not a readable recording"
    assert store.has_part(STAGE, "key1")
    assert not store.has_part(STAGE, "key2")
    assert store.read_manifest(STAGE, manifest_fingerprint(STAGE, VERSION, ["key1", "key2", "key3"])) is None
    assert calls(marks).count(2) == 1  # bad input is not tried again

    repaired = make_dataset(store, STAGE, VERSION, [job(marks, 1), job(marks, 2), job(marks, 3)], run=run)
    assert [part.rows for part in repaired.parts] == [1, 2, 3]
    assert calls(marks).count(1) == 1


def test_rejections_past_the_accepted_share_fail_the_stage(store: Store, marks: Path) -> None:
    jobs = [job(marks, 6, rejected=2), job(marks, 2)]
    assert make_dataset(store, STAGE, VERSION, jobs, max_rejected_share=0.2).rejected == 2  # exactly 2 of 10
    with pytest.raises(CorpusError, match=r"^numbers: 2 of 10 inputs were rejected, at most 19\.0% are accepted") as it:
        make_dataset(store, STAGE, VERSION, jobs, max_rejected_share=0.19)
    assert "input 0: not a number; input 1: not a number" in str(it.value)
    assert not str(it.value).endswith("…")
    assert calls(marks) == [2, 6]  # the share is a judgement on parts that stay


def test_only_the_first_reasons_are_told(store: Store, marks: Path) -> None:
    with pytest.raises(CorpusError, match=r"input 2: not a number …$") as caught:
        make_dataset(store, STAGE, VERSION, [job(marks, 1, rejected=4)], max_rejected_share=0.5)
    assert "input 3" not in str(caught.value)


def test_manifests_are_immutable(store: Store, marks: Path) -> None:
    first = make_dataset(store, STAGE, VERSION, [job(marks, 1)])
    path = Path(store.url) / "manifests" / STAGE / f"{first.fingerprint}.json"
    content, time = path.read_bytes(), path.stat().st_mtime_ns
    second = make_dataset(store, STAGE, VERSION, [job(marks, 1), job(marks, 2)])
    make_dataset(store, STAGE, VERSION, [job(marks, 1)])
    assert second.fingerprint != first.fingerprint
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, time)
    assert Manifest.from_json(content, "it") == first
    assert make_dataset(store, STAGE, VERSION + 1, [job(marks, 1)]).fingerprint != first.fingerprint


@dataclass(frozen=True)
class Slow:
    """Leaves a mark when it starts, then takes its time."""

    marks: Path
    seconds: float = 0.0

    def __call__(self, store: Store) -> PartOutput:
        (self.marks / f"{time.time_ns()}-{os.getpid()}").touch()
        time.sleep(self.seconds)
        return PartOutput(pa.table({"number": [1]}), Quarantine(STAGE).table())


def test_no_more_tasks_wait_in_ray_than_keep_the_cluster_busy(
    store: Store, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "IN_FLIGHT", 3)
    monkeypatch.setattr(parts, "IN_FLIGHT_PER_CPU", 0)
    submitted = 0

    def count_jobs(jobs: list[Job]) -> Iterator[Job]:
        nonlocal submitted
        for one in jobs:
            submitted += 1
            yield one

    jobs = [Job(f"key{number}", "corpus", Slow(marks)) for number in range(40)]
    made = 0
    for _ in run_as_tasks(store, STAGE, count_jobs(jobs)):  # type: ignore[arg-type]
        made += 1
        assert submitted <= made + 3
    assert (made, submitted) == (40, 40)


def test_what_waits_is_called_off_when_the_reader_stops(
    store: Store, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "IN_FLIGHT", 30)
    jobs = [Job(f"key{number}", "corpus", Slow(marks, 0.2)) for number in range(30)]
    running = run_as_tasks(store, STAGE, iter(jobs))  # type: ignore[arg-type]
    next(running)
    running.close()
    time.sleep(1.5)
    assert len(list(marks.iterdir())) < 25


def test_hundreds_of_parts_are_resumed_by_one_listing(
    store: Store, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job(f"key{number:03d}", "corpus", Slow(marks)) for number in range(120)]
    make_dataset(store, STAGE, VERSION, jobs[:50])
    asked = []
    monkeypatch.setattr(Store, "has_part", lambda *_: asked.append(1))
    monkeypatch.setattr(Store, "part", lambda *_: asked.append(1))
    manifest = make_dataset(store, STAGE, VERSION, jobs)
    assert [part.key for part in manifest.parts] == [one.key for one in jobs]
    assert len(list(marks.iterdir())) == 120
    assert not asked


def test_a_log_file_is_told_where_a_long_stage_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with console.bar("features", 3) as progress:
        progress.advance("5 rows")
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(console, "LINE_EVERY_S", 0.0)
        progress.advance("5 rows")
        assert re.fullmatch(r"features +2 of 3, about 1 min left\n", capsys.readouterr().err)
        progress.advance("5 rows")
    assert capsys.readouterr().err == ""
