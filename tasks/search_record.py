"""The search in MLflow: one parent run with a nested run a trial, written by the driver."""

import math
from typing import TYPE_CHECKING, Any

from kws_core.config import Experiment
from tasks import registry
from tasks.link_report import note_run
from tasks.places import Places
from tasks.search_trial import METRIC

if TYPE_CHECKING:
    from mlflow import MlflowClient

SEARCH_TAG = "kws.search"
"""The key of the search."""
TRIAL_TAG, STATE_TAG, ERROR_TAG = "kws.search_trial", "kws.search_state", "kws.search_error"
FINISHED, FAILED = "FINISHED", "FAILED"
LOGGED = (METRIC, "development_frr", "loss")


def record_search(places: Places, experiment: Experiment, key: str, document: dict[str, Any]) -> str:
    """Log a search and its trials unless they are; returns the id of the parent run.

    The parent is found by its tag, trials by their number, so that a killed attempt is completed and none is repeated.
    """
    client = registry.client(places.tracking_uri)
    experiment_id = registry.experiment_id(client, places, experiment.name)
    found = client.search_runs([experiment_id], f"tags.`{SEARCH_TAG}` = '{key}' AND tags.`kws.kind` = 'search'")
    if found:
        parent = str(found[0].info.run_id)
        note_run(client, experiment_id, parent)
        if found[0].info.status == FINISHED:
            return parent
        if found[0].info.status == FAILED:  # every trial had failed: now all of them were tried anew
            for child in _children(client, experiment_id, parent):
                client.delete_run(child.info.run_id)
    else:
        tags = {SEARCH_TAG: key, "kws.kind": "search"}
        parent = str(client.create_run(experiment_id, tags=tags, run_name=f"search-{key[:8]}").info.run_id)
        note_run(client, experiment_id, parent)
        _log_settings(client, parent, experiment)
    _log_trials(client, experiment_id, parent, document)
    _log_metrics(client, parent, _summary(document))
    client.set_terminated(parent, FINISHED if document["trials"] else FAILED)
    return parent


def _children(client: "MlflowClient", experiment_id: str, parent: str) -> list[Any]:
    return list(client.search_runs([experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'", max_results=10_000))


def _log_settings(client: "MlflowClient", run_id: str, experiment: Experiment) -> None:
    settings = experiment.search
    for name in ("scheduler", "trials", "max_epochs", "cpus_per_trial", "gpus_per_trial"):
        client.log_param(run_id, name, getattr(settings, name))
    client.log_param(run_id, "seed", experiment.seed)
    client.log_dict(run_id, settings.model_dump(mode="json"), "search.json")


def _summary(document: dict[str, Any]) -> dict[str, float]:
    trials = document["trials"]
    best = {name: trials[0][name] for name in (*LOGGED, "epoch")} if trials else {}
    counts = {
        "trials_finished": sum(trial["state"] == "finished" for trial in trials),
        "trials_stopped": sum(trial["state"] == "stopped" for trial in trials),
        "trials_failed": len(document["failed"]),
    }
    return {**best, **counts, "seconds": document["seconds"]}


def _log_trials(client: "MlflowClient", experiment_id: str, parent: str, document: dict[str, Any]) -> None:
    known = {child.data.tags.get(TRIAL_TAG): child.info for child in _children(client, experiment_id, parent)}
    for trial in sorted([*document["trials"], *document["failed"]], key=lambda trial: trial["number"]):
        number = str(trial["number"])
        if number not in known:
            tags = {"mlflow.parentRunId": parent, TRIAL_TAG: number}
            run_id = client.create_run(experiment_id, tags=tags, run_name=f"trial-{trial['number']:03d}").info.run_id
        elif known[number].status in (FINISHED, FAILED):
            continue
        else:
            run_id = known[number].run_id
        _log_trial(client, run_id, trial)
        client.set_terminated(run_id, FAILED if "error" in trial else FINISHED)


def _log_trial(client: "MlflowClient", run_id: str, trial: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    # the same trial gives the same points, times included: what is logged twice is there once
    metrics = [
        Metric(name, epoch[name], int(epoch["time"] * 1000), epoch["epoch"])
        for epoch in trial["history"]
        for name in LOGGED
        if epoch[name] is not None
    ]
    params = [
        Param(name, str(value)) for name, value in {**trial["values"], "encoder": trial["encoder"]["name"]}.items()
    ]
    state = {STATE_TAG: trial.get("state", "failed")} | ({ERROR_TAG: trial["error"]} if "error" in trial else {})
    client.log_batch(run_id, metrics=[], params=params, tags=[RunTag(*tag) for tag in state.items()])
    for begin in range(0, len(metrics), 1000):  # the most that one request may hold
        client.log_batch(run_id, metrics=metrics[begin : begin + 1000])


def _log_metrics(client: "MlflowClient", run_id: str, values: dict[str, float]) -> None:
    for name, value in values.items():
        if not math.isnan(value):
            client.log_metric(run_id, name, value)
