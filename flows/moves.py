"""`kws promote`, `kws rollback` and `kws history`: the aliases of a registered model, moved and remembered."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from flows.spot import registry_of
from kws_core.errors import KwsError
from kws_core.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tasks.decisions import Document


def move(name: str, tracking_uri: str, store: str, moved: "Callable[[MlflowClient], Document]") -> None:
    """Move aliases, say so, and copy the decision to the version's run and to the store, where there is one.

    The registry alone is needed: a copy that cannot be made now is made by the next retrain.
    """
    from tasks import registry
    from tasks.decisions import key_of, publish

    address = tracking_uri or registry_of(name)
    with registry.told(address):
        client = registry.client(address)
        document = moved(client)
    served = document["champion_before"]
    before = f", version {served} is `previous`" if served and served != document["model_version"] else ""
    typer.echo(
        f"{name}: version {document['model_version']} is champion{before}; decision {key_of(document)[:12]} of "
        f"{document['when'][:19]}Z"
    )
    try:
        with registry.told(address):
            publish(client, _store(name, store), registry.versions(client, name))
    except (KwsError, OSError) as error:
        typer.echo(f"the decision stands in the registry; its copies wait for the next retrain: {error}", err=True)


def print_history(name: str, tracking_uri: str, as_json: bool) -> None:
    """Print every decision, the oldest first."""
    from tasks import registry
    from tasks.decisions import decisions, key_of

    address = tracking_uri or registry_of(name)
    with registry.told(address):
        made = decisions(registry.versions(registry.client(address), name))
    if as_json:
        typer.echo(json.dumps([{"decision": key_of(document), **document} for document in made], ensure_ascii=False))
        return
    table = Table("when", "version", "by", "what", "why", "who", box=None, padding=(0, 2, 0, 0))
    for document in made:
        who = document["who"]
        table.add_row(
            document["when"][:19].replace("T", " "),
            document["model_version"],
            document["kind"] + (", forced" if document.get("forced") else ""),
            _what(document),
            document["reason"].replace("[", r"\["),
            who["user"] + (f", {who['run'].split()[0]}" if "run" in who else ""),
        )
    Console().print(table if made else f"{name}: no decision was recorded")


def _what(document: "Document") -> str:
    """Where the version went."""
    if not document["aliases"]:
        return "stays"
    aliases: dict[str, str | None] = document["aliases"]
    return "to " + next(alias for alias, target in aliases.items() if target == document["model_version"])


def _store(name: str, store: str) -> Store | None:
    """The store that was named, or that of the default workspace; None where there is neither."""
    default = Path("runs") / name / "store"
    return Store(store) if store else Store(str(default)) if default.exists() else None
