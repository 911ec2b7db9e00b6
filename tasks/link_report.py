"""Pages and MLflow runs, linked from Prefect by the flow run that made them."""

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.artifacts import artifact_key, attempt
from tasks.flow_run import flow_run_id
from tasks.stage_artifacts import markdown_links
from tasks.stage_record import current_record, note_line, note_link

if TYPE_CHECKING:
    from mlflow import MlflowClient


def link_report(
    client: "MlflowClient | None", path: Path, name: str, title: str, summary: str, run_id: str = ""
) -> None:
    """Show the page's address in Prefect, and that of the copy in MLflow; nothing outside of a flow run.

    A stage has them in its summary; a flow that writes a page itself gets an artifact of its own.

    Args:
        client: of the registry; None where the page is not logged there.
        path: of the page.
        name: of the experiment, in letters, digits and dashes.
        title: of the page.
        summary: its first sentence.
        run_id: of the MLflow run that it is logged to.
    """
    links = {f"{path.name} at {path}": path.as_uri()}
    if client is not None and run_id:
        experiment_id = client.get_run(run_id).info.experiment_id
        links["in MLflow"] = run_address(client, experiment_id, run_id, f"/artifacts/{path.name}")
    if current_record() is not None:
        note_line(title, summary)
        for text, address in links.items():
            note_link(text, address)
    elif flow_run_id():
        from prefect.artifacts import create_markdown_artifact

        said = "\n\n".join([f"**{name}, {title}**: {summary}", *markdown_links(links)])
        key = artifact_key("report", name)
        attempt("the link to the page", lambda: create_markdown_artifact(said, key=key, description=title))


def note_run(client: "MlflowClient", experiment_id: str, run_id: str) -> None:
    """Link an MLflow run from the summary of the stage that runs here."""
    note_link("MLflow run", run_address(client, experiment_id, run_id))


def run_address(client: "MlflowClient", experiment_id: str, run_id: str, page: str = "") -> str:
    """Where a browser shows a run of a server, or what to ask a database for."""
    server = client.tracking_uri
    if not server.startswith("http"):
        return f"run {run_id} of {server}"
    return f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}{page}"
