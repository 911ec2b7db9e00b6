"""A page as an artifact of the flow run that made it: where it lies, and what it says first."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient


def link_report(
    client: "MlflowClient | None", path: Path, name: str, title: str, summary: str, run_id: str = ""
) -> None:
    """Show the page's address in Prefect, and that of the copy in MLflow; nothing outside of a flow run.

    Args:
        client: of the registry; None where the page is not logged there.
        path: of the page.
        name: of the experiment, in letters, digits and dashes.
        title: of the page.
        summary: its first sentence.
        run_id: of the MLflow run that it is logged to.
    """
    from prefect.artifacts import create_markdown_artifact
    from prefect.context import FlowRunContext, TaskRunContext

    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    lines = [f"**{name}, {title}**: {summary}", f"[{path.name}]({path.as_uri()}) at `{path}`"]
    if client is not None and run_id:
        address = client.tracking_uri
        run = client.get_run(run_id).info
        page = f"{address.rstrip('/')}/#/experiments/{run.experiment_id}/runs/{run_id}/artifacts/{path.name}"
        lines.append(
            f"[in MLflow]({page})" if address.startswith("http") else f"in MLflow: run `{run_id}` of `{address}`"
        )
    create_markdown_artifact("\n\n".join(lines), key=f"report-{name}", description=title)
