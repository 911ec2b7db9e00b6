"""`kws doctor`: the findings as lines or as JSON."""

import json
from pathlib import Path

import typer

from flows.preset_paths import preset_path
from kws_core.presets import load_experiment
from tasks.doctor import Finding
from tasks.doctor_findings import diagnose
from tasks.places import Places

COLOURS = {"ok": "green", "missing": "yellow", "wrong": "red"}


def print_findings(
    preset: str, workspace: Path | None, store: str, tracking_uri: str, timeout_s: float, as_json: bool
) -> bool:
    """Print what was found; returns whether runs can start."""
    experiment = load_experiment(preset_path(preset)) if preset else None
    if workspace is None and experiment is not None:
        workspace = Path("runs") / experiment.name
    places = Places.in_workspace(workspace or Path("runs"), store, tracking_uri)
    own = workspace is not None
    found = diagnose(
        places.workspace,
        places.store_url if own or store else "",
        places.tracking_uri if own or tracking_uri else "",
        experiment,
        timeout_s,
    )
    well = not any(finding.stops_runs for finding in found)
    if as_json:
        document = {"well": well, "findings": [finding.model_dump() for finding in found]}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        _print_lines(found)
        typer.echo("all that runs need is there" if well else "runs would fail: see the lines that say `needed`")
    return well


def _print_lines(found: list[Finding]) -> None:
    width = max(len(finding.name) for finding in found)
    for finding in found:
        state = f"{finding.state}, needed" if finding.stops_runs else finding.state
        typer.echo(f"{finding.name:<{width}}  {typer.style(f'{state:<15}', COLOURS[finding.state])}  {finding.said}")
        if finding.advice:
            typer.echo(f"{'':<{width}}  {'':<15}  -> {finding.advice}")
