"""Options that several commands share, and what follows from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.preset_paths import preset_path
from kws_core.errors import ConfigError

if TYPE_CHECKING:
    from kws_core.config import Experiment
    from tasks.places import Places

Preset = Annotated[str, typer.Option(help="A preset's name (see `kws presets`) or the path of a YAML file.")]
Workspace = Annotated[
    Path | None, typer.Option(help="Folder for the report and the default store and registry [runs/NAME].")
]
StoreWorkspace = Annotated[Path | None, typer.Option(help="Workspace of the retrains, whose store is meant.")]
TrackingUri = Annotated[
    str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow: sqlite:///… or a server's URL [in the workspace].")
]
StoreUrl = Annotated[str, typer.Option(envvar="KWS_STORE", help="A folder or s3://bucket/prefix [in the workspace].")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Replace a value: section.key=value. May be repeated.")
]


def experiment_and_places(
    preset: str, settings: tuple[str, ...], workspace: Path | None, store: str, tracking_uri: str = ""
) -> "tuple[Experiment, Places]":
    """The experiment of a preset, and its places; raises `StoreError` at once when the store cannot be written."""
    from kws_core.presets import load_experiment
    from tasks.places import Places

    experiment = load_experiment(preset_path(preset), settings)
    places = Places.in_workspace(workspace or Path("runs") / experiment.name, store, tracking_uri)
    places.store().check_writable()
    return experiment, places


def store_places(store: str, workspace: Path | None) -> "Places":
    """Places of a command that only needs the store; raises `ConfigError` when nothing says which one."""
    from tasks.places import Places

    if not store and workspace is None:
        raise ConfigError("no store is named: give --store or --workspace, or set KWS_STORE, as for the retrains")
    return Places.in_workspace(workspace or Path("runs"), store)
