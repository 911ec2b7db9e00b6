"""The deployment `build-dataset`."""

from prefect import flow

from flows.build_dataset import build_dataset as whole_line
from flows.deployments.parameters import Preset, Settings, StoreUrl, TrackingUri, Workspace, described, prepare


@flow(name="build-dataset", persist_result=False)
@described
def build_dataset(
    preset: Preset,
    settings: Settings = [],  # noqa: B006 - the form shows it; it is never changed
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    workspace: Workspace = "",
) -> dict[str, str]:
    """Recordings to segments, features, splits and trials; returns the fingerprints of the datasets."""
    experiment, places = prepare(preset, settings, store, tracking_uri, workspace)
    return whole_line.fn(places, experiment)
