"""A search whose state is on S3 is killed, and a driver with another workspace goes on with it (`make test-slow`)."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from experiments import kill_run, run_command, start

from kws_core.store import Store

SCRIPT = Path(__file__).parents[1] / "tasks" / "search_input.py"


def has_begun(store: Store, scheduler: str) -> bool:
    """Whether something is there that the search can go on from."""
    names = store.files.names("searches")
    if scheduler == "pbt":  # after the first comparison, whoever wins in the end has been trained before the kill
        states = [json.loads(store.files.read(name)) for name in names if name.endswith("/population.json")]
        return any(state["epoch"] for state in states)
    return sum(name.endswith("/checkpoint.pt") for name in names) >= 2


def without_times(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The ranked trials of a search, but for when their epochs ended."""
    return [
        {**trial, "history": [{**epoch, "time": None} for epoch in trial["history"]]} for trial in document["trials"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["asha", "pbt"])
def test_another_machine_goes_on_with_a_killed_search(scheduler: str, s3_url: str, tmp_path: Path) -> None:
    store = Store(f"{s3_url}/store")
    search = {"scheduler": scheduler, "trials": 4, "max_epochs": 6, "grace_epochs": 6}
    changes = json.dumps({"search": search, "training": {"batch_size": 2}})

    def command(workspace: str, url: str = store.url) -> list[str]:
        return [sys.executable, str(SCRIPT), url, str(tmp_path / workspace), changes]

    first = start(command("first"), tmp_path)
    deadline = time.monotonic() + 300
    try:
        while not has_begun(store, scheduler):
            assert first.process.poll() is None, first.stderr.read_text()
            assert time.monotonic() < deadline, "no trial has reported"
            time.sleep(0.1)
    finally:
        kill_run(first)
    assert store.files.names("documents/search") == []

    finished = run_command(command("second"), tmp_path, 500)
    assert finished.status == 0, finished.stderr
    document = store.read_document("search", finished.stdout.split()[-1]) or {}
    assert document["failed"] == []
    assert sorted(trial["number"] for trial in document["trials"]) == [0, 1, 2, 3]
    for trial in document["trials"]:
        assert [epoch["epoch"] for epoch in trial["history"]] == [1, 2, 3, 4, 5, 6]
    # epochs of before the kill are not trained again
    begun = min(epoch["time"] for trial in document["trials"] for epoch in trial["history"])
    assert begun < time.time() - finished.seconds
    assert store.files.names("searches") == []

    if scheduler == "pbt":  # members are drawn and compared alike, whatever was killed
        undisturbed = Store(f"{s3_url}/undisturbed")
        again = run_command(command("third", undisturbed.url), tmp_path, 500)
        assert again.status == 0, again.stderr
        expected = undisturbed.read_document("search", again.stdout.split()[-1]) or {}
        assert without_times(document) == without_times(expected)
