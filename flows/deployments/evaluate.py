"""The deployment `evaluate`."""

from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.deployments.parameters import Preset, Settings, StoreUrl, TrackingUri, Workspace, described, prepare
from flows.evaluate import evaluate_on_experiment


@flow(name="evaluate-model", persist_result=False)
@described
def evaluate(
    model: Annotated[str, Field(min_length=1, description="A bundle's folder, models:/NAME@ALIAS or universal.")],
    preset: Preset,
    against: Annotated[str, Field(description="Another model, judged beside it on the same trials.")] = "",
    page: Annotated[str, Field(description="The HTML page to write, in the workspace.")] = "evaluation.html",
    settings: Settings = [],  # noqa: B006 - the form shows it; it is never changed
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    workspace: Workspace = "",
) -> str:
    """Judge a model on the trials of a preset; returns the path of the page."""
    experiment, places = prepare(preset, settings, store, tracking_uri, workspace)
    path = places.workspace / Path(page).name
    evaluate_on_experiment(model, against, places, experiment, path, places.tracking_uri)
    return str(path)
