"""The deployment `retrain`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.deployments.parameters import Preset, Settings, StoreUrl, TrackingUri, Workspace, described, prepare
from flows.retrain import retrain as whole_line

REFUSED = "Refused"
"""State of a run whose model the gate kept out of service; `prefect.flow-run.Refused` is its event."""


@flow(name="retrain", persist_result=False)
@described
def retrain(
    preset: Preset,
    settings: Settings = [],  # noqa: B006 - the form shows it; it is never changed
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    workspace: Workspace = "",
) -> State[Any]:
    """Recordings to a registered, gated keyword spotter; what exists is not computed again."""
    experiment, places = prepare(preset, settings, store, tracking_uri, workspace)
    result = whole_line.fn(places, experiment)
    said = f"{experiment.name} version {result.version}: {result.decision.reason}"
    return Completed(message=said) if result.decision.promoted else Completed(name=REFUSED, message=said)
