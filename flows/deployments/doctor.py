"""The deployment `doctor`."""

import os
from pathlib import Path
from typing import Annotated

from prefect import flow
from prefect.artifacts import create_table_artifact
from pydantic import Field

from flows.deployments.parameters import StoreUrl, TrackingUri, Workspace, described
from kws_core.errors import ConfigError
from tasks.doctor_findings import diagnose


@flow(name="doctor", persist_result=False)
@described
def doctor(
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    workspace: Workspace = "",
    timeout_s: Annotated[float, Field(ge=1, le=600, description="Seconds within which each must answer.")] = 120.0,
) -> None:
    """Look at what the worker's machine has and reaches; fails when something that runs need is not well."""
    found = diagnose(
        Path(workspace or "runs"),
        store or os.environ.get("KWS_STORE", ""),
        tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", ""),
        None,
        timeout_s,
    )
    create_table_artifact(key="doctor", table=[finding.model_dump() for finding in found])
    bad = [f"{finding.name}: {finding.said} ({finding.advice})" for finding in found if finding.stops_runs]
    if bad:
        raise ConfigError("; ".join(bad))
