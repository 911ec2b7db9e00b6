"""The deployment `train`."""

from prefect import flow

from flows.deployments.parameters import Preset, Settings, StoreUrl, TrackingUri, Workspace, described, prepare
from flows.train import train as whole_line


@flow(name="train", persist_result=False)
@described
def train(
    preset: Preset,
    settings: Settings = [],  # noqa: B006 - the form shows it; it is never changed
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    workspace: Workspace = "",
) -> str:
    """Recordings to a registered version, alias candidate; it is not judged. Returns its number."""
    experiment, places = prepare(preset, settings, store, tracking_uri, workspace)
    return whole_line.fn(places, experiment)
