"""Aliases moved by one process at a time, each move with its decision document."""

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from kws_core.errors import RegistryError
from kws_core.fingerprint import canonical_json
from tasks import registry
from tasks.decisions import Document, decisions, new_decision, substance, write_tag
from tasks.move_lock import Ticket, complete_left_behind, only_mover, suppress_missing

if TYPE_CHECKING:
    from mlflow import MlflowClient

Aliases = dict[str, str | None]
"""The version that each alias shall point to, in the order in which they are set; None takes the alias away."""


def decide_under_lock(
    client: "MlflowClient", name: str, version: str, decide: Callable[[dict[str, str]], dict[str, Any]]
) -> Document:
    """Ask for a decision while nobody else can move an alias, write it down, and carry it out.

    A decision that moves nothing and is the same in substance as the version's last one is not written again.

    Args:
        client: of the registry.
        name: of the model.
        version: that is decided about.
        decide: from the aliases as they are now to the content of a document: `kind`, `aliases` (see `Aliases`),
            `reason` and whatever else. What it raises leaves everything as it is.
    """
    with only_mover(client, name, partial(_complete, client)) as ticket:
        now = current_aliases(client, name)
        number, served = int(ticket.number), now.get(registry.CHAMPION)
        document = new_decision(name, version, number=number, champion_before=served, **decide(now))
        before = decisions([registry.registered_version(client, name, version)])
        if not document["aliases"] and before and substance(before[-1]) == substance(document):
            return before[-1]
        ticket.commit(canonical_json(document))
        _carry_out(client, document, ticket)
        return document


def finish_moves(client: "MlflowClient", name: str) -> list[Document]:
    """Complete the moves of processes that were killed; returns their documents."""
    completed = list[Document]()

    def complete(intent: str) -> None:
        _complete(client, intent)
        completed.append(json.loads(intent))

    complete_left_behind(client, name, complete)
    return completed


def current_aliases(client: "MlflowClient", name: str) -> dict[str, str]:
    """The version that each alias points to."""
    return {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}


def to_champion(version: str, now: dict[str, str]) -> Aliases:
    """Aliases that make a version champion; the one that was becomes `previous`, first, so that it is never lost."""
    served = now.get(registry.CHAMPION)
    if served is None or served == version:
        return {registry.CHAMPION: version}
    return {registry.PREVIOUS: served, registry.CHAMPION: version}


def roll_back(client: "MlflowClient", name: str, reason: str = "") -> Document:
    """Put the previous champion back; needs nothing but the registry.

    One that was killed is completed, and no second one made.

    Raises:
        RegistryError: there is no champion, or none before it.
    """
    registry.versions(client, name)
    for document in finish_moves(client, name):
        if document["kind"] == "rollback":
            return document
    previous = _previous(name, current_aliases(client, name))

    def decide(now: dict[str, str]) -> dict[str, Any]:
        if _previous(name, now) != previous:
            raise RegistryError(f"{name} was moved by another process meanwhile; see kws history, and run it again")
        told = reason or f"rolled back from version {now[registry.CHAMPION]}"
        return {"kind": "rollback", "aliases": to_champion(previous, now), "reason": told}

    return decide_under_lock(client, name, previous, decide)


def _previous(name: str, aliases: dict[str, str]) -> str:
    for alias in (registry.CHAMPION, registry.PREVIOUS):
        if alias not in aliases:
            raise RegistryError(f"{name} has no version with the alias {alias}: there is nothing to roll back to")
    return aliases[registry.PREVIOUS]


def _complete(client: "MlflowClient", intent: str) -> None:
    _carry_out(client, json.loads(intent), None)


def _carry_out(client: "MlflowClient", document: Document, ticket: Ticket | None) -> None:
    """Write the document, move the aliases, tag the version: the same again, after a kill anywhere, ends the same."""
    name, version = document["model"], document["model_version"]
    write_tag(client, document)
    for alias, target in document["aliases"].items():
        if ticket is not None:
            ticket.renew()
        if target is not None:
            client.set_registered_model_alias(name, alias, target)
        elif current_aliases(client, name).get(alias) == version:
            with suppress_missing():
                client.delete_registered_model_alias(name, alias)
    tags = {registry.DECISION_TAG: document["reason"], **document.get("tags", {})}
    if document["aliases"].get(registry.CHAMPION) == version:
        tags[registry.PROMOTED_TAG] = "yes"
    for tag, value in tags.items():
        client.set_model_version_tag(name, version, tag, value)
