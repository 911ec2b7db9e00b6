"""`kws gc`: the garbage of a store as a table or as JSON."""

import json
from collections import defaultdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from flows.commands.options import store_places
from kws_core.errors import ConfigError
from kws_core.garbage import Garbage
from kws_core.report.numbers import count


def print_garbage(
    store: str, workspace: Path | None, tracking_uri: str, keep_days: float, delete: bool, as_json: bool
) -> None:
    """Find, print and, where asked to, delete; raises `ConfigError` when nothing says which registry is meant."""
    from tasks import registry
    from tasks.garbage import collect
    from tasks.places import Places

    places = store_places(store, workspace)
    places = Places.in_workspace(places.workspace, places.store_url, tracking_uri)
    if not tracking_uri and workspace is None:
        raise ConfigError(
            "no registry is named, whose versions decide what is kept: give --tracking-uri or --workspace, or set "
            "MLFLOW_TRACKING_URI, as for the retrains"
        )
    database = Path(places.tracking_uri.removeprefix("sqlite:///"))
    if places.tracking_uri.startswith("sqlite:///") and not database.exists():
        raise ConfigError(f"there is no registry at {database}: give --tracking-uri or set MLFLOW_TRACKING_URI")
    with registry.told(places.tracking_uri):
        found, gone = collect(places.store(), registry.client(places.tracking_uri), keep_days, delete)
    shown = gone if delete else found.garbage
    if as_json:
        document = {
            "store": places.store_url,
            "registry": places.tracking_uri,
            "deleted": delete,
            "garbage": [{"kind": one.kind, "key": one.key, "bytes": one.size_bytes} for one in shown],
            "kept_young": found.kept_young,
            "unaccounted": found.unaccounted,
        }
        typer.echo(json.dumps(document))
        return
    _print_table(shown)
    size = f"{len(shown):,} ({_mb(sum(one.size_bytes for one in shown))})"
    typer.echo(f"deleted: {size}" if delete else f"not needed: {size}; nothing was deleted, --delete does it")
    if found.kept_young:
        typer.echo(f"kept: {found.kept_young:,} that nothing lists, but younger than {keep_days:g} days")
    for stage in found.unaccounted:
        typer.echo(
            f"left alone: all of stage {stage}, as a registered version's manifest of it is missing; retrain that "
            "preset, which writes it again"
        )


def _print_table(found: "list[Garbage] | tuple[Garbage, ...]") -> None:
    kinds = defaultdict[str, list[Garbage]](list)
    for garbage in found:
        kinds[f"parts of {garbage.kind}" if garbage.is_part else garbage.kind].append(garbage)
    if not kinds:
        return
    table = Table("what", "number", "objects", "size", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for kind, ones in sorted(kinds.items()):
        objects = sum(len(one.names) for one in ones)
        table.add_row(kind, count(len(ones)), count(objects), _mb(sum(one.size_bytes for one in ones)))
    Console().print(table)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
