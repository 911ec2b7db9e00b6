"""What Prefect keeps of a run: its stages in their order, and what each of them left to be read."""

import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from experiments import NAME, FullRun, run_command, run_kws

from kws_core.bundle import load_bundle

STAGES = {
    "ingest": "ingest",
    "align": "align",
    "cut": "cut",
    "featurise": "featurise",
    "select": "select",
    "data leaks": "data-leaks",
    "warm_start": "warm-start",
    "search": "search",
    "refit": "refit",
    "streams": "streams",
    "package": "package",
    "model leaks": "model-leaks",
    "register": "register",
    "promote": "promote",
    "report": "report",
}
"""Names of the tasks in the order of the calls, and how the keys of their artifacts begin."""


def asked(full_run: FullRun, question: str) -> list[tuple[Any, ...]]:
    """Rows of Prefect's database for the first flow run in it, whose id is `:run`."""
    database = full_run.folder / ".prefect" / "prefect.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        first = connection.execute("select id from flow_run order by start_time limit 1").fetchone()
        return connection.execute(question, {"run": first[0]}).fetchall()


@pytest.fixture(scope="module")
def artifacts(full_run: FullRun) -> dict[str, tuple[str, Any]]:
    """Type and content of all artifacts of the run by their keys; of each key it has one."""
    found = asked(full_run, "select key, type, data from artifact where flow_run_id = :run")
    assert len({key for key, _, _ in found}) == len(found)
    # sqlite gives a number as one
    return {key: (kind, json.loads(data) if isinstance(data, str) else data) for key, kind, data in found}


def test_the_stages_ran_once_and_in_order(full_run: FullRun) -> None:
    runs = asked(full_run, "select name from task_run where flow_run_id = :run order by start_time")
    assert [name.rpartition("-")[0] for (name,) in runs] == list(STAGES)


def test_every_stage_left_a_summary(full_run: FullRun, artifacts: dict[str, tuple[str, Any]]) -> None:
    summaries = {key: text for key, (kind, text) in artifacts.items() if kind == "markdown"}
    assert set(summaries) == {f"{key}-{NAME}" for key in STAGES.values()}
    for stage, key in STAGES.items():
        text = summaries[f"{key}-{NAME}"]
        assert re.match(rf"\*\*{stage} of {NAME}\*\*: (made|done) in \d+\.\d s", text), text
    # a slow machine says where it is before
    rows = full_run.finished.lines()["features"][-1].partition(" rows")[0]
    assert f"| features | {rows} | 0 | 4, 4 computed |" in summaries[f"featurise-{NAME}"]
    assert "made in" in summaries[f"refit-{NAME}"]
    assert "[Ray dashboard](http://127.0.0.1:" in summaries[f"search-{NAME}"]
    for stage in ("search", "register", "report"):
        assert re.search(r"`run [0-9a-f]{32} of sqlite:///", summaries[f"{stage}-{NAME}"])
    report = full_run.workspace / "report.html"
    assert f"({report.as_uri()})" in summaries[f"report-{NAME}"]


def test_every_dataset_with_rejected_inputs_left_a_table(
    full_run: FullRun, artifacts: dict[str, tuple[str, Any]]
) -> None:
    tables = {key: json.loads(table) for key, (kind, table) in artifacts.items() if kind == "table"}
    rejected = {
        stage: int(match[1].replace(",", ""))
        for stage, lines in full_run.finished.lines().items()
        if (match := re.search(r"rows, ([1-9][\d,]*) rejected", " ".join(lines)))
    }
    assert {"words", "segments", "selection"} <= set(rejected)
    assert set(tables) == {f"rejected-{stage}-{NAME}" for stage in rejected}
    for stage, count in rejected.items():
        rows = tables[f"rejected-{stage}-{NAME}"]
        assert sum(int(row["inputs"].replace(",", "")) for row in rows) == count
        assert all(row["example"] for row in rows)


def test_a_long_stage_left_its_progress(artifacts: dict[str, tuple[str, Any]]) -> None:
    progress = {key: share for key, (kind, share) in artifacts.items() if kind == "progress"}
    # the search starts workers and trains: it takes longer than the first 5 s on any machine
    assert f"progress-search-{NAME}" in progress
    assert set(progress.values()) == {100}


@pytest.mark.slow
def test_the_other_flows_are_made_of_the_same_stages(full_run: FullRun, prefect_server: dict[str, str]) -> None:
    script = Path(__file__).with_name("train_flow.py")
    command = [sys.executable, str(script), str(full_run.preset), str(full_run.workspace)]
    done = run_command(command, full_run.folder, 300, prefect_server)
    assert done.status == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["version"] == "1"
    known = load_bundle(full_run.bundle).description.datasets
    assert {name: made["datasets"][name] for name in known} == known
    assert set(made["datasets"]) == {*known, "utterances", "words", "data_leaks"}
    assert "computed in" not in done.stderr


@pytest.mark.slow
def test_a_log_for_programs_has_nothing_but_records(full_run: FullRun, prefect_server: dict[str, str]) -> None:
    command = ("retrain", "--preset", full_run.preset)
    done = run_kws(*command, cwd=full_run.folder, timeout_s=300, env={**prefect_server, "KWS_LOG": "json"})
    assert done.status == 0, done.stderr
    records = [json.loads(line) for line in done.stderr.splitlines() if "ray/issues/53727" not in line]
    assert {record["stage"] for record in records} >= set(STAGES) - {"warm_start", "streams"}
    staged = {record["run"] for record in records if record["stage"] in STAGES}
    assert len(staged) == 1
    assert re.fullmatch(r"[0-9a-f-]{36}", staged.pop())
    assert any(record["message"].startswith("report") for record in records[-3:])

    wrong = run_kws("retrain", "--preset", "none", cwd=full_run.folder, timeout_s=60, env={"KWS_LOG": "json"})
    (record,) = [json.loads(line) for line in wrong.stderr.splitlines()]
    assert (wrong.status, record["level"]) == (1, "error")
    assert "none" in record["message"]
