"""Lines for people, and the same as JSON with the ids of run, stage and part."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from in_this_process import in_this_process
from rich.table import Table

from kws_core.errors import AudioError, ConfigError
from kws_core.part import PartOutput, Quarantine
from kws_core.store import Store
from tasks import console, logs
from tasks.console import say, say_error, show
from tasks.logs import VARIABLE, log_ids
from tasks.parts import Job, make_dataset

FIELDS = {"time", "level", "message", "run", "stage", "part"}


@pytest.fixture(autouse=True)
def _own_logger() -> Iterator[None]:
    logs.logger.cache_clear()
    yield
    logs.logger.cache_clear()


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """What was said since the last call."""
    monkeypatch.setenv(VARIABLE, "json")

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        for record in found:
            assert set(record) == FIELDS
            assert datetime.fromisoformat(record["time"]).utcoffset() is not None
        return found

    return read


class Make:
    """Makes a part of one row, and rejects an input."""

    def __init__(self, fails: bool = False) -> None:
        self._fails = fails

    def __call__(self, store: Store) -> PartOutput:
        if self._fails:
            raise AudioError("a.wav: [b] not a readable recording")
        quarantine = Quarantine("numbers")
        quarantine.add("input 1", "not a number")
        return PartOutput(pa.table({"number": [1]}), quarantine.table())


def test_the_terminal_has_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say("words", "905 rows, [green]good[/green]")
    assert capsys.readouterr().err == "words        905 rows, good\n"
    say_error("no [room]")
    assert capsys.readouterr().err == "error: no [room]\n"


def test_parts_are_logged_with_their_ids(records: Callable[[], list[dict[str, Any]]], tmp_path: Path) -> None:
    jobs = [Job(key, "demo", Make()) for key in ("key1", "key2")]
    with log_ids(run="run1", stage="cut"):
        make_dataset(Store(str(tmp_path)), "numbers", 1, jobs, 1.0, in_this_process)
    *parts, whole = records()
    assert [(record["part"], record["level"]) for record in parts] == [("key1", "debug"), ("key2", "debug")]
    assert {record["message"] for record in parts} == {"numbers: 1 rows, 1 rejected"}
    assert {(record["run"], record["stage"]) for record in (*parts, whole)} == {("run1", "cut")}
    assert whole["part"] is None
    assert whole["message"].startswith("numbers: 2 rows, 2 rejected, 2 parts, 2 computed in")


def test_a_worker_says_which_part_failed(records: Callable[[], list[dict[str, Any]]], tmp_path: Path) -> None:
    from tasks.parts import make_part

    with pytest.raises(AudioError):
        make_part(str(tmp_path), "numbers", Job("key1", "demo", Make(fails=True)), "run1")
    (record,) = records()
    assert (record["run"], record["stage"], record["part"], record["level"]) == ("run1", "numbers", "key1", "error")
    assert record["message"] == "part key1: AudioError: a.wav: [b] not a readable recording"


def test_tables_and_errors_are_records_too(records: Callable[[], list[dict[str, Any]]]) -> None:
    table = Table("gate", "verdict", box=None)
    table.add_row("target accuracy", "[red]failed[/red]")
    show(table)
    show("[bold]report[/bold] /tmp/a b.html")
    say_error("no [room]")
    assert [" ".join(record["message"].split()) for record in records()] == [
        "gate verdict",
        "target accuracy failed",
        "report /tmp/a b.html",
        "no [room]",
    ]


def test_outside_of_a_run_the_ids_are_null(records: Callable[[], list[dict[str, Any]]]) -> None:
    say("words", "905 rows")
    (record,) = records()
    assert {name: record[name] for name in ("run", "stage", "part", "level", "message")} == {
        "run": None,
        "stage": "words",
        "part": None,
        "level": "info",
        "message": "905 rows",
    }


def test_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(VARIABLE, "yaml")
    with pytest.raises(ConfigError, match="KWS_LOG is 'yaml'; text and json are accepted"):
        console.say("words", "905 rows")
    say_error("it")
    assert capsys.readouterr().err == "error: it\n"
