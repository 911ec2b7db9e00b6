"""Searches of tiny trials on a real local Ray, with their runs in a real MLflow."""

import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from search_input import experiment, write_input

from kws_core import lease
from kws_core.config import Experiment
from kws_core.errors import StoreError, TrainingError
from tasks import registry
from tasks.places import Places
from tasks.search import KIND, search
from tasks.search_run import run_search
from tasks.training_input import TrainingInput

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.usefixtures("local_ray")]
LEARNING_RATE = {"low": 1e-3, "high": 1e-2, "log": True}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Places, TrainingInput]:
    places = Places.in_workspace(tmp_path_factory.mktemp("search"))
    return places, write_input(places.store(), experiment())


def runs_of(places: Places, name: str, key: str) -> tuple[Any, list[Any]]:
    """The parent run of a search and its children by number."""
    client = registry.client(places.tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    (parent,) = [run for run in runs if run.data.tags.get("kws.search") == key]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(runs) == 1 + len(children)
    return parent, sorted(children, key=lambda run: int(run.data.tags["kws.search_trial"]))


def test_trials_are_ranked_logged_by_epoch_and_not_run_again(
    made: tuple[Places, TrainingInput], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-driver")
    places, given = made
    settings = experiment(name="ranked")
    key = search.fn(places, settings, given)
    said = capfd.readouterr().err
    document = places.store().read_document(KIND, key) or {}
    trials = document["trials"]
    assert [trial["development_eer"] for trial in trials] == sorted(trial["development_eer"] for trial in trials)
    assert sorted(trial["number"] for trial in trials) == [0, 1, 2]
    assert document["failed"] == []
    for trial in trials:
        assert [epoch["epoch"] for epoch in trial["history"]] == list(range(1, trial["epoch"] + 1))
        assert trial["state"] == ("finished" if trial["epoch"] == 2 else "stopped")
        assert 10 <= trial["values"]["loss.scale"] <= 30
    assert len(re.findall(r"trial \d of 3: res15, scale", said)) == 3
    assert "best of 3" in said
    assert not list((places.workspace / "store" / "searches").glob("*"))
    logs = [path.read_text(errors="replace") for path in _folder_of_ray_logs().glob("runtime_env_agent*")]
    assert any("PL_DISABLE_FORK" in log for log in logs)  # what Tune hands to trials is logged
    assert not any("canary-of-the-driver" in log for log in logs)

    parent, children = runs_of(places, "ranked", key)
    assert (parent.info.status, parent.data.metrics["trials_failed"]) == ("FINISHED", 0)
    assert parent.data.metrics["development_eer"] == trials[0]["development_eer"]
    by_number = {trial["number"]: trial for trial in trials}
    client = registry.client(places.tracking_uri)
    for number, child in enumerate(children):
        trial = by_number[number]
        assert child.data.tags["kws.search_state"] == trial["state"]
        assert child.data.params["loss.scale"] == str(trial["values"]["loss.scale"])
        points = client.get_metric_history(child.info.run_id, "development_eer")
        assert [(point.step, point.value) for point in points] == [
            (epoch["epoch"], epoch["development_eer"]) for epoch in trial["history"]
        ]

    # a driver that was killed while it logged: one trial is open, one is missing
    client.update_run(parent.info.run_id, status="RUNNING")
    client.update_run(children[1].info.run_id, status="RUNNING")
    client.delete_run(children[2].info.run_id)
    assert search.fn(places, settings, given) == key
    assert "nothing to compute" in capfd.readouterr().err
    assert runs_of(places, "ranked", key)[0].info.run_id == parent.info.run_id
    completed = runs_of(places, "ranked", key)[1]
    assert [child.info.run_id for child in completed[:2]] == [child.info.run_id for child in children[:2]]
    assert [child.info.status for child in completed] == ["FINISHED"] * 3
    assert len(client.get_metric_history(children[1].info.run_id, "loss")) == by_number[1]["epoch"]


def _folder_of_ray_logs() -> Path:
    import ray

    return Path(ray._private.worker._global_node.get_session_dir_path()) / "logs"


def failing(margins: list[float], **sections: Any) -> Experiment:
    """Margins of 1 and more are beyond what AM-softmax takes."""
    space = {"loss.margin": {"choice": margins}, "training.learning_rate": LEARNING_RATE}
    return experiment(search={"space": space, "scheduler": "none", "max_epochs": 1, "trials": 4}, **sections)


def test_failed_trials_are_reported_and_the_others_count(
    made: tuple[Places, TrainingInput], capfd: pytest.CaptureFixture[str]
) -> None:
    places, given = made
    key = search.fn(places, failing([0.1, 1.5], name="some-fail"), given)
    document = places.store().read_document(KIND, key) or {}
    assert {trial["values"]["loss.margin"] for trial in document["trials"]} == {0.1}
    assert {trial["values"]["loss.margin"] for trial in document["failed"]} == {1.5}
    assert len(document["trials"]) + len(document["failed"]) == 4
    sentence = "loss.margin is 1.5: am_softmax takes at least 0 and below 1"
    assert {trial["error"] for trial in document["failed"]} == {sentence}
    said = capfd.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    parent, children = runs_of(places, "some-fail", key)
    assert parent.info.status == "FINISHED"
    states = [(child.info.status, child.data.tags["kws.search_state"]) for child in children]
    assert set(states) == {("FINISHED", "finished"), ("FAILED", "failed")}
    errors = {child.data.tags.get("kws.search_error") for child in children}
    assert errors == {None, sentence}


def test_a_search_fails_only_when_every_trial_does(made: tuple[Places, TrainingInput]) -> None:
    places, given = made
    settings = failing([1.5], name="all-fail")
    for _ in range(2):  # what failed is tried anew, and logged once
        with pytest.raises(
            TrainingError, match=r"every trial of the search failed; the first said: loss.margin is 1.5"
        ):
            search.fn(places, settings, given)
    client = registry.client(places.tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("all-fail").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED"] * 5
    assert not list((places.workspace / "store" / "searches").glob("*"))


def test_of_two_runs_at_once_one_searches_and_the_other_waits(
    made: tuple[Places, TrainingInput], capfd: pytest.CaptureFixture[str]
) -> None:
    places, given = made
    settings = experiment(name="at-once", seed=5)
    with ThreadPoolExecutor(2) as threads:
        keys = list(threads.map(lambda _: search.fn(places, settings, given), range(2)))
    said = capfd.readouterr().err
    assert len(re.findall(r"trial \d of 3: res15, scale", said)) == 3
    assert said.count("another run is at the same one: waiting for it") == 1
    assert said.count("nothing to compute") == 1
    assert keys[0] == keys[1]
    assert runs_of(places, "at-once", keys[0])[0].info.status == "FINISHED"
    assert not places.store().files.names("leases")


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["asha", "pbt"])
def test_a_search_that_another_run_has_taken_over_stops(
    made: tuple[Places, TrainingInput], monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    places, given = made
    monkeypatch.setattr(lease, "BEAT_S", 0.1)
    sections = {"max_epochs": 200, "grace_epochs": 100}
    settings = population() if scheduler == "pbt" else experiment(name="taken-over", search=sections, seed=6)
    files = places.store().files
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(search.fn, places, settings, given)
        deadline = time.monotonic() + 60
        while not (works := {name.split("/")[1] for name in files.names("leases")}):
            time.sleep(0.1)
        (work,) = works
        state = f"searches/{work.removeprefix('search-')}"
        while not any("checkpoint" in name for name in files.names(state)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        other = json.dumps({"token": "other", "process": "another-boot pid:[1] 1 1"}).encode()
        files.write(f"leases/{work}/00000009.json", other)
        with pytest.raises(StoreError, match=f"another process took over {work}, because this one was silent"):
            running.result(60)
    files.remove([f"leases/{work}/00000009.json"])
    assert any("checkpoint" in name for name in files.names(state))  # for the one that goes on


def population(**sections: Any) -> Experiment:
    space = {
        "loss.margin": {"low": 0.0, "high": 0.3},
        "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "augmentation.shift_share": {"low": 0, "high": 1},
        "training.batch_size": {"choice": [8, 16]},
    }
    search = {"scheduler": "pbt", "trials": 4, "max_epochs": 3, "population": {"interval_epochs": 1}, "space": space}
    return experiment(search=search, **sections)


@pytest.mark.slow
def test_a_population_takes_over_the_best_and_is_the_same_again(made: tuple[Places, TrainingInput]) -> None:
    places, given = made
    settings = population()
    documents = [run_search(places, settings, given, "", f"{name}-population-of-four") for name in ("one", "two")]
    first, second = (
        [
            {**trial, "history": [{**epoch, "time": 0} for epoch in trial["history"]]}
            for trial in (*document["trials"], *document["failed"])
        ]
        for document in documents
    )
    assert first == second
    assert [trial["state"] for trial in first] == ["finished"] * 4
    perturbed = 0
    for trial in first:
        assert [epoch["epoch"] for epoch in trial["history"]] == [1, 2, 3]
        values = [epoch["values"] for epoch in trial["history"]]
        assert values[-1] == trial["values"]
        assert len({value["training.batch_size"] for value in values}) == 1
        perturbed += sum(before != after for before, after in itertools.pairwise(values))
        for value in values:
            assert 0 <= value["loss.margin"] <= 0.3
            assert 1e-4 <= value["training.learning_rate"] <= 1e-2
            assert 0 <= value["augmentation.shift_share"] <= 1
    assert perturbed >= 2
    starts = [tuple(trial["history"][0]["values"].values()) for trial in first]
    assert len(set(starts)) < len(starts)  # somebody goes on from another's beginning


def test_who_fails_in_a_population_is_reported_and_the_others_go_on(
    made: tuple[Places, TrainingInput], capfd: pytest.CaptureFixture[str]
) -> None:
    places, given = made
    space = {"loss.margin": {"choice": [0.1, 1.5]}, "training.learning_rate": LEARNING_RATE}
    search_section = {"scheduler": "pbt", "trials": 4, "space": space, "population": {"interval_epochs": 1}}
    key = search.fn(places, experiment(name="population-fails", search=search_section), given)
    document = places.store().read_document(KIND, key) or {}
    assert sorted(trial["number"] for trial in document["trials"] + document["failed"]) == [0, 1, 2, 3]
    assert {trial["values"]["loss.margin"] for trial in document["trials"]} == {0.1}
    assert {trial["error"] for trial in document["failed"]} == {
        "loss.margin is 1.5: am_softmax takes at least 0 and below 1"
    }
    assert [trial["epoch"] for trial in document["trials"]] == [2] * len(document["trials"])
    said = capfd.readouterr().err
    assert "epoch 1 of 2: best EER" in said
    assert "Traceback" not in said
    assert {child.info.status for child in runs_of(places, "population-fails", key)[1]} == {"FINISHED", "FAILED"}
    assert key[:16] not in {path.name for path in (places.workspace / "store" / "searches").glob("*")}


def test_trials_that_this_machine_can_never_run_are_refused(made: tuple[Places, TrainingInput]) -> None:
    places, given = made
    settings = experiment(search={"cpus_per_trial": 4096})
    with pytest.raises(
        TrainingError, match=r"cpus_per_trial is 4096, but this machine has \d+ CPUs: lower it, or name"
    ):
        search.fn(places, settings, given)
