"""Where a registered model stands: its aliases and last runs in MLflow, its next runs in Prefect."""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from kws_core.errors import RegistryError
from tasks import registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIASES = (registry.CHAMPION, registry.CHALLENGER, registry.PREVIOUS, registry.CANDIDATE)
PREFECT_S = 10.0
NEXT_RUNS = 3


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AliasStatus(_Part):
    """A version and what points to it."""

    alias: str
    version: str
    made: str
    """When it was registered, in UTC (ISO 8601)."""
    decision: str
    """The last one about it."""


class RunStatus(_Part):
    """A run in MLflow: a search or a retrain."""

    name: str
    state: str
    started: str
    minutes: float | None
    """None while it runs."""


class NextRun(_Part):
    """A run that Prefect has scheduled."""

    deployment: str
    at: str


class ModelStatus(_Part):
    """All of it."""

    name: str
    versions: int
    aliases: tuple[AliasStatus, ...]
    runs: tuple[RunStatus, ...]
    next_runs: tuple[NextRun, ...] | None
    """None without `PREFECT_API_URL`."""


def model_status(client: "MlflowClient", name: str, runs: int) -> ModelStatus:
    """Ask both servers.

    Raises:
        RegistryError: there is no such model, or Prefect does not answer.
    """
    found = registry.versions(client, name)
    pointed = {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}
    by_number = {str(version.version): version for version in found}
    aliases = tuple(
        AliasStatus(
            alias=alias,
            version=pointed[alias],
            made=_moment(by_number[pointed[alias]].creation_timestamp),
            decision=by_number[pointed[alias]].tags.get(registry.DECISION_TAG, ""),
        )
        for alias in ALIASES
        if pointed.get(alias) in by_number
    )
    return ModelStatus(
        name=name,
        versions=len(found),
        aliases=aliases,
        runs=tuple(_last_runs(client, name, runs)),
        next_runs=_next_runs(name, os.environ.get("PREFECT_API_URL", "")),
    )


def _last_runs(client: "MlflowClient", name: str, count: int) -> list[RunStatus]:
    """The newest runs that are no trials of a search."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None or not count:
        return []
    found = list[RunStatus]()
    token = None
    while len(found) < count:
        page = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"], page_token=token)
        found.extend(_run(run) for run in page if "mlflow.parentRunId" not in run.data.tags)
        token = page.token
        if not token:
            break
    return found[:count]


def _run(run: Any) -> RunStatus:
    info = run.info
    minutes = None if info.end_time is None else round((info.end_time - info.start_time) / 60_000, 1)
    return RunStatus(name=info.run_name, state=info.status, started=_moment(info.start_time), minutes=minutes)


def _next_runs(name: str, api_url: str) -> tuple[NextRun, ...] | None:
    """Scheduled runs of deployments that carry the model's name as a tag, the next first."""
    if not api_url:
        return None
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags, FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_API_URL, temporary_settings

    scheduled = FlowRunFilter.model_validate({"state": {"type": {"any_": ["SCHEDULED"]}}})
    try:
        with (
            temporary_settings({PREFECT_API_URL: api_url}),
            get_client(httpx_settings={"timeout": PREFECT_S}, sync_client=True) as prefect,
        ):
            ours = prefect.read_deployments(
                deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[tag_of(name)]))
            )
            names = {deployment.id: deployment.name for deployment in ours}
            runs = prefect.read_flow_runs(
                flow_run_filter=scheduled, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200
            )
    except Exception as error:  # whatever a server or the network does
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise RegistryError(
            f"Prefect at {api_url} did not answer: {said}; unset PREFECT_API_URL to leave it out"
        ) from error
    mine = [
        NextRun(deployment=names[run.deployment_id], at=run.expected_start_time.isoformat(timespec="seconds"))
        for run in runs
        if run.deployment_id is not None and run.deployment_id in names and run.expected_start_time is not None
    ]
    return tuple(mine[:NEXT_RUNS])


def tag_of(name: str) -> str:
    """The tag of deployments that work on a model."""
    return f"model:{name}"


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
