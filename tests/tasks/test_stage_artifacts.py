"""What a stage leaves to be read in Prefect; test_run_record has what a whole run left there."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.client.schemas.actions import ArtifactCreate

from kws_core.manifest import Manifest
from kws_core.part import PartOutput, Quarantine
from kws_core.store import Store
from tasks import artifacts, console, stage_artifacts
from tasks.artifacts import artifact_key, attempt
from tasks.stage_artifacts import publish_record, rejected_rows, summary
from tasks.stage_progress import StageProgress
from tasks.stage_record import MadeDataset, StageRecord, current_record, note_dataset, note_link, record_stage


@given(st.lists(st.text()))
def test_keys_are_as_prefect_takes_them(names: list[str]) -> None:
    key = artifact_key("align", *names)
    assert re.fullmatch(r"align(-[a-z0-9]+)*", key)
    ArtifactCreate(key=key)


def test_keys_carry_the_experiment() -> None:
    assert artifact_key("data leaks", "Our_Words") == "data-leaks-our-words"


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[Store, Manifest]:
    """1 row, 3 rejected inputs for 2 reasons."""
    store, quarantine = Store(str(tmp_path)), Quarantine("cut")
    for source, reason in (("a", "it lasts 0.1 s"), ("b", "it is silent"), ("c", "it lasts 0.2 s")):
        quarantine.add(source, reason)
    part = store.write_part("segments", "key", "demo", PartOutput(pa.table({"n": [1]}), quarantine.table()))
    return store, Manifest("segments", 1, (part,))


def test_the_summary_says_what_was_made_and_where_it_lies(dataset: tuple[Store, Manifest]) -> None:
    notes: list[StageRecord] = []
    with record_stage("cut", "our-words", lambda record, error: notes.append(record)):
        note_dataset(*dataset, 1, 2.0)
        note_link("MLflow run", "http://127.0.0.1/#/runs/1")
        note_link("report", "")
        console.say("cut", "[green]done[/green] *twice*")
        console.say("gate", "passed")
    (record,) = notes
    lines = summary(record).splitlines()
    assert re.fullmatch(r"\*\*cut of our-words\*\*: made in 0\.\d s", lines[0])
    assert "| segments | 1 | 3 | 1, 1 computed | 2.0 |" in lines
    assert r"- done \*twice\*" in lines
    assert "- gate: passed" in lines
    assert lines[-1] == "[MLflow run](http://127.0.0.1/#/runs/1)"


def test_the_summary_tells_what_was_found_from_what_was_made(dataset: tuple[Store, Manifest]) -> None:
    found = StageRecord("cut", "our-words", datasets=[MadeDataset(*dataset, 0, 0.0)])
    assert "all of it was there" in summary(found)
    assert "| 1, all there |" in summary(found)
    found.worked = True
    assert "made in" in summary(found)
    assert "failed after" in summary(found, ValueError("no\nroom"))
    assert "no room" in summary(found, ValueError("no\nroom"))
    assert "ValueError" in summary(found, ValueError())


def test_reasons_are_counted_with_an_example(dataset: tuple[Store, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    made = MadeDataset(*dataset, 1, 0.0)
    assert rejected_rows(made) == [
        {"inputs": "2", "example": "a: it lasts 0.1 s"},
        {"inputs": "1", "example": "b: it is silent"},
    ]
    monkeypatch.setattr(stage_artifacts, "REASONS", 1)
    assert rejected_rows(made)[1:] == [{"inputs": "", "example": "1 rarer reasons"}]
    monkeypatch.setattr(stage_artifacts, "READ", 0)
    assert rejected_rows(made) == [{"inputs": "3", "example": "not looked at"}]


def test_a_stage_that_fails_is_published_and_one_that_is_cancelled_is_not() -> None:
    ended: list[Exception | None] = []
    closed: list[int] = []
    for error in (None, ValueError("bad"), KeyboardInterrupt()):
        try:
            with record_stage("cut", "demo", lambda record, raised: ended.append(raised)) as record:
                assert current_record() is record
                record.closing.callback(closed.append, 1)
                if error is not None:
                    raise error
        except (ValueError, KeyboardInterrupt):
            pass
        assert current_record() is None
    assert [str(error) for error in ended] == ["None", "bad"]
    assert len(closed) == 3


def test_nothing_is_written_outside_of_a_flow_run(
    dataset: tuple[Store, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("prefect.client.orchestration.SyncPrefectClient.request", lambda *a, **k: asked.append(a))
    monkeypatch.setattr("tasks.stage_progress.EVERY_S", 0.01)
    with record_stage("cut", "demo", publish_record):
        note_dataset(*dataset, 1, 2.0)
        progress = StageProgress("segments")
        time.sleep(0.1)
        progress.moved(0.5)
        progress.close()
    assert not asked


def test_what_goes_wrong_is_said_once_and_fails_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "_pause", {"until": 0.0})

    def refused() -> None:
        raise ConnectionError("server [1] is\ngone")

    assert attempt("the summary", refused) is None
    assert attempt("the summary", refused) is None
    assert attempt("the summary", lambda: 1) is None
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "prefect      the summary was not taken; nothing is sent for 120 s: server [1] is gone"
    ]
    monkeypatch.setattr(artifacts, "_pause", {"until": 0.0})
    assert attempt("the summary", lambda: json.dumps(1)) == "1"
