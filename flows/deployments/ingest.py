"""The deployment `ingest`."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.commands.options import store_places
from flows.deployments.parameters import Drop, StoreUrl, Workspace, described
from flows.drops import drop_config
from flows.ingest import ingest_drop


@flow(name="ingest", persist_result=False)
@described
def ingest(
    recipe: Annotated[str, Field(min_length=1, description="What reads the recordings: manifest, librispeech, ….")],
    settings: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*=")]],
        Field(description="Settings of the recipe, each as key=value; also of ingest.… and rejection.…."),
    ] = [],  # noqa: B006 - the form shows it; it is never changed
    corpus: Annotated[str, Field(description="The corpus that it is added to; the recipe's name by default.")] = "",
    drop: Drop = None,
    store: StoreUrl = "",
    workspace: Workspace = "",
) -> str:
    """Add a dated drop of recordings to a corpus; returns `added`, `present` or `restored`."""
    # the day that the run was planned for, also where it starts late
    planned = flow_run.scheduled_start_time or datetime.now(UTC)
    config = drop_config(corpus, drop or f"{planned:%Y-%m-%d}", recipe, tuple(settings))
    places = store_places(store or os.environ.get("KWS_STORE", ""), Path(workspace) if workspace else None)
    return ingest_drop.fn(places, config).state
