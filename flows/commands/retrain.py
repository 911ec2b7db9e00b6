"""`kws retrain`."""

from typing import Annotated

import typer

from flows.commands.options import Preset, Settings, StoreUrl, TrackingUri, Workspace, experiment_and_places
from tasks.private_prefect import PrivatePrefect


def retrain(
    preset: Preset,
    workspace: Workspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    far: Annotated[
        float | None, typer.Option(help="Share of non-targets that each keyword may accept; sets backends.far.")
    ] = None,
    max_false_alarms_per_hour: Annotated[
        float | None, typer.Option(help="In place of --far: false alarms of each keyword an hour.")
    ] = None,
    setting: Settings = None,
) -> None:
    """Recordings to a registered, gated keyword spotter. What exists already is not computed again."""
    settings = (*(setting or ()), *operating_point(far, max_false_alarms_per_hour))
    experiment, places = experiment_and_places(preset, settings, workspace, store, tracking_uri)
    # here, and not before: a mistake in the preset is told at once
    server = PrivatePrefect()
    from flows.retrain import retrain as retrain_flow
    from flows.summary import print_summary

    server.wait()
    print_summary(places, experiment, retrain_flow(places, experiment))


def operating_point(far: float | None, max_false_alarms_per_hour: float | None) -> tuple[str, ...]:
    """Settings of the operating point: the one that is stated takes the place of the preset's."""
    wishes = {"far": far, "max_false_alarms_per_hour": max_false_alarms_per_hour}
    if far is None and max_false_alarms_per_hour is None:
        return ()
    return tuple(f"backends.{name}={'null' if value is None else repr(value)}" for name, value in wishes.items())
