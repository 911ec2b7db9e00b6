"""`kws study`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Settings, StoreUrl, TrackingUri, Workspace
from flows.preset_paths import PRESETS
from tasks.private_prefect import PrivatePrefect


def study(
    name: Annotated[str, typer.Argument(help="huh2020, ma2019, arora2019 or alignment_gate.")],
    workspace: Workspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    preset: Annotated[Path | None, typer.Option(help="A YAML file in place of the study's own preset.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds of every method, in place of the preset's.")] = None,
    setting: Settings = None,
) -> None:
    """Repeat a paper's comparison: one table with intervals. Cells that are finished are not computed again."""
    from kws_core.presets import load_settings
    from kws_core.studies import find_study
    from tasks.places import Places

    settings = (*(setting or ()), *((f"seeds={seeds}",) if seeds else ()))
    config = load_settings(preset or PRESETS / "studies" / f"{name}.yaml", find_study(name).config_type, settings)
    places = Places.in_workspace(workspace or Path("runs") / name, store, tracking_uri)
    places.store().check_writable()
    server = PrivatePrefect()
    from flows.study import study as study_flow

    server.wait()
    outcome = study_flow(places, name, config)
    typer.echo(outcome.text)
    typer.echo(f"{outcome.csv}\n{outcome.page}")
