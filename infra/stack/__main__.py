"""`make stack`: everything up, a scheduled retrain through all of it, its model served, everything down."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows.quiet import quieten

quieten()

from infra.stack.answer import listen  # noqa: E402 - telemetry is off before anything else is imported
from infra.stack.deployments import deploy, schedule_soon, watch  # noqa: E402
from infra.stack.services import BIN, DASHBOARD, MLFLOW, PREFECT, SERVE, serving  # noqa: E402
from infra.stack.stack import Stack, stack  # noqa: E402
from kws_core.errors import KwsError  # noqa: E402

RETRAIN = "retrain/retrain"
MODEL = "demo"
"""The deployment's preset in `prefect.yaml`."""


def main(
    folder: Annotated[Path, typer.Option(help="Where logs and workspaces are left.")] = Path("runs/stack"),
    minutes: Annotated[float, typer.Option(min=1, help="Within which the scheduled retrain must have ended.")] = 30.0,
    keep: Annotated[bool, typer.Option(help="Stay up until Ctrl-C, in place of going down at the end.")] = False,
) -> None:
    """Run the topology of compose.yaml as processes on loopback: a scheduled retrain is promoted and served."""
    signal.signal(signal.SIGTERM, _interrupt)
    begun = time.monotonic()
    try:
        with stack(folder.resolve()) as made:
            made.up(typer.echo)
            deploy(made.layout)
            typer.echo(f"up, and prefect.yaml deployed, after {time.monotonic() - begun:.1f} s")
            for name in (PREFECT, MLFLOW, DASHBOARD):
                typer.echo(f"{name:<13} {made.layout.url(name)}")
            _retrain_and_serve(made, minutes * 60)
            if keep:
                typer.echo("Ctrl-C ends it")
                signal.pause()
            _down(made)
    except KeyboardInterrupt:
        typer.echo("stopped; nothing of it runs any more", err=True)
        raise typer.Exit(130) from None
    except KwsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def _retrain_and_serve(made: Stack, within_s: float) -> None:
    layout = made.layout
    due = schedule_soon(layout, RETRAIN)
    typer.echo(f"{RETRAIN} is due at {due:%H:%M} UTC")
    outcome = watch(layout, RETRAIN, due, typer.echo, within_s)
    typer.echo(f"{outcome.name}: {outcome.state} after {outcome.seconds:.0f} s: {outcome.message}")
    if outcome.state != "Completed":
        raise KwsError(f"the retrain was not promoted; its log is {layout.log('worker')}")
    made.add(serving(layout, MODEL))
    typer.echo(f"{SERVE:<13} {layout.url(SERVE)}")
    for line in listen(layout):
        typer.echo(line)
    subprocess.run([str(BIN / "kws"), "status", MODEL], cwd=layout.home, env=layout.client, check=True)  # noqa: S603


def _down(made: Stack) -> None:
    begun = time.monotonic()
    killed = {name: count for name, count in made.down().items() if count}
    said = ", ".join(f"{count} of {name}" for name, count in killed.items())
    typer.echo(f"down after {time.monotonic() - begun:.1f} s; {f'processes killed: {said}' if said else 'none killed'}")


def _interrupt(number: int, _: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
