"""Decision documents: who moved which version where, when, by which figures and why. Written once, never changed.

A document is named by the SHA-256 of its content. It stands in a tag of its version, where the registry alone can be
asked; as the artifact `decisions/KEY.json` of the version's run; and in the store, as `documents/decision/KEY.json`.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kws_core.errors import RegistryError
from kws_core.fingerprint import canonical_json, sha256
from kws_core.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

Document = dict[str, Any]
KIND = "decision"
FORMAT = "kws-foundry decision"
FOLDER = "decisions"
TAG_PREFIX = "kws.decision."
OF_THE_MOMENT = ("number", "when", "who")
"""What tells two decisions apart that are the same in substance."""


def new_decision(name: str, version: str, **content: Any) -> Document:
    """A document about a version; `number` is that of the ticket it is carried out with."""
    moment = {"when": datetime.now(UTC).isoformat(timespec="milliseconds"), "who": who()}
    return {"format": FORMAT, "model": name, "model_version": version, **moment, **content}


def key_of(document: Document) -> str:
    """The SHA-256 of the content."""
    return sha256(canonical_json(document).encode())


def substance(document: Document) -> str:
    """SHA-256 of the document without the moment that it was made in."""
    return key_of({name: value for name, value in document.items() if name not in OF_THE_MOMENT})


def who() -> dict[str, str]:
    """The user and machine, and the Prefect run that works for them, if any."""
    import getpass
    import os
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        user = f"uid {os.getuid()}"
    found = {"user": f"{user}@{socket.gethostname()}"}
    if "prefect.context" not in sys.modules:  # nothing that Prefect runs: it takes seconds to import
        return found
    from prefect.context import FlowRunContext, TaskRunContext

    flow, task = FlowRunContext.get(), TaskRunContext.get()
    if flow is not None and flow.flow_run is not None:
        found["run"] = f"{flow.flow_run.name} {flow.flow_run.id}"
    elif task is not None:
        found["run"] = f"{task.task_run.name} {task.task_run.id}"
    return found


def write_tag(client: "MlflowClient", document: Document) -> None:
    """Write a document to its version; the same one again changes nothing."""
    name, version = document["model"], document["model_version"]
    client.set_model_version_tag(name, version, TAG_PREFIX + key_of(document), canonical_json(document))


def decisions(versions: list[Any]) -> list[Document]:
    """All documents of these versions, in the order of time; raises `RegistryError` for one that was changed."""
    found = [document for version in versions for _, document in _documents(version)]
    return sorted(found, key=lambda document: (document["number"], document["when"]))


def publish(client: "MlflowClient", store: Store | None, versions: list[Any]) -> None:
    """Copy the documents of these versions to their runs and to the store, where they are missing there.

    What is in the store is in the run: it is written last.
    """
    known = store.files.children(f"documents/{KIND}") if store is not None else set()
    for version in versions:
        missing = [(key, document) for key, document in _documents(version) if f"{key}.json" not in known]
        if not missing:
            continue
        kept = {entry.path for entry in client.list_artifacts(version.run_id, FOLDER)} if version.run_id else set()
        for key, document in missing:
            path = f"{FOLDER}/{key}.json"
            if version.run_id and path not in kept:
                client.log_text(version.run_id, canonical_json(document), path)
            if store is not None:
                store.files.create(f"documents/{KIND}/{key}.json", canonical_json(document).encode())


def _documents(version: Any) -> Iterator[tuple[str, Document]]:
    for tag, content in sorted(version.tags.items()):
        if tag.startswith(TAG_PREFIX):
            key = tag.removeprefix(TAG_PREFIX)
            if sha256(content.encode()) != key:
                raise RegistryError(
                    f"the decision {key[:12]} of {version.name} version {version.version} was changed afterwards: "
                    f"its original is {FOLDER}/{key}.json among the artifacts of the version's run, and in the store"
                )
            yield key, json.loads(content)
