"""`kws status`: where a model stands, as lines or as JSON."""

import typer
from rich.console import Console
from rich.table import Table

from flows.spot import registry_of
from tasks.model_status import ModelStatus


def print_status(name: str, tracking_uri: str, runs: int, as_json: bool) -> None:
    """Print aliases, last runs and next runs of a model."""
    from tasks import registry
    from tasks.model_status import model_status

    address = tracking_uri or registry_of(name)
    with registry.told(address):
        found = model_status(registry.client(address), name, runs)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a file has no edge to wrap at
    console.print(f"{name}: {found.versions} versions in {address}", soft_wrap=True)
    console.print(_aliases(found))
    console.print(_runs(found))
    if found.next_runs is None:
        console.print("next run    PREFECT_API_URL is not set")
    elif not found.next_runs:
        console.print("next run    none is scheduled")
    for run in found.next_runs or ():
        console.print(f"next run    {run.at}  {run.deployment}", soft_wrap=True)


def _aliases(found: ModelStatus) -> Table:
    table = Table("alias", "version", "registered", "decision", box=None, padding=(0, 2, 0, 0))
    for one in found.aliases:
        table.add_row(one.alias, one.version, one.made, one.decision.replace("[", r"\["))
    return table


def _runs(found: ModelStatus) -> Table:
    table = Table("run", "state", "started", "minutes", box=None, padding=(0, 2, 0, 0))
    for run in found.runs:
        table.add_row(run.name, run.state, run.started, "" if run.minutes is None else f"{run.minutes:g}")
    return table
