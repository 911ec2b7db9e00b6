"""The table of a study: CSV and page in the workspace and the store, one MLflow run a study."""

import tempfile
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from kws_core import segments as segments_stage
from kws_core.atomic_file import write_atomically
from kws_core.fingerprint import fingerprint
from kws_core.report.study import study_page, study_text
from kws_core.store import Store
from kws_core.studies import find_study
from kws_core.studies.table import StudyTable, table_csv
from tasks import registry
from tasks.console import say
from tasks.places import Places
from tasks.stage import stage_task
from tasks.study import StudyInput, read_results

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND = "study"
VERSION = 2
"""Raised when the same table would give another page, CSV file or text."""
CSV, PAGE, TEXT = "table.csv", "report.html", "table.txt"
STUDY_TAG = "kws.study"


@dataclass(frozen=True)
class StudyOutcome:
    """What a study leaves behind: the table as text, and local paths of its CSV file and page."""

    text: str
    csv: str
    page: str


@stage_task("table")
def publish_study(places: Places, given: StudyInput, cells: list[str]) -> StudyOutcome:
    """Sum up all cells unless that was done before, write CSV and page to the workspace and log them to MLflow."""
    store = places.store()
    study = find_study(given.name)
    key = fingerprint(KIND, VERSION, given.name, study.version, study.table_version, given.config, cells)
    metrics = store.read_document(KIND, key)
    if metrics is None:
        table = study.table(read_results(store, given), given.config)
        metrics = _write(store, key, given, table)
    folder = places.workspace
    for name in (CSV, PAGE, TEXT):
        write_atomically(folder / name, store.read_object(KIND, key, name))
    _log(registry.client(places.tracking_uri), places, given, key, metrics["metrics"])
    say("table", str(folder / PAGE))
    return StudyOutcome(store.read_object(KIND, key, TEXT).decode(), str(folder / CSV), str(folder / PAGE))


def _write(store: Store, key: str, given: StudyInput, table: StudyTable) -> dict[str, dict[str, float]]:
    title = find_study(given.name).title
    segments = store.dataset(segments_stage.STAGE, given.segments)
    licences = sorted(set(store.read_table(segments, ["licence"])["licence"].to_pylist()))
    facts = {
        "Study": given.name,
        "Seeds": str(given.config.seeds),
        "Encoder": given.config.encoder.name,
        "Segments": f"{segments.rows:,}",
        "Dataset": given.segments[:12],
    }
    page = study_page(title, facts, table, given.config.model_dump(mode="json"), "; ".join(licences))
    store.write_object(KIND, key, PAGE, page.encode())
    store.write_object(KIND, key, CSV, table_csv(table).encode())
    store.write_object(KIND, key, TEXT, study_text(title, table).encode())
    figures = {
        f"{row.test_set}.{row.method}.{column}": figure.value
        for row in table.rows
        for column, figure in row.figures.items()
        if not isnan(figure.value)  # MLflow takes none
    }
    document = {"metrics": figures}
    store.write_document(KIND, key, document)
    return document


def _log(client: "MlflowClient", places: Places, given: StudyInput, key: str, metrics: dict[str, float]) -> None:
    """Log the study once; a run that a killed attempt left behind is taken up again."""
    name = f"study-{given.name}"
    found = client.get_experiment_by_name(name)
    if found is None:
        local = places.tracking_uri.startswith("sqlite:")
        location = (places.workspace / "mlartifacts").as_uri() if local else None
        experiment_id = client.create_experiment(name, artifact_location=location)
    else:
        experiment_id = found.experiment_id
    runs = client.search_runs([experiment_id], f"tags.`{STUDY_TAG}` = '{key}'")
    if runs and runs[0].info.status == "FINISHED":
        return
    run_id = runs[0].info.run_id if runs else client.create_run(experiment_id, tags={STUDY_TAG: key}).info.run_id
    parameters = {"seeds": given.config.seeds, "encoder": given.config.encoder.name, "segments": given.segments}
    for parameter, value in parameters.items():
        client.log_param(run_id, parameter, value)
    for metric, figure in metrics.items():
        client.log_metric(run_id, _metric_name(metric), figure)
    client.log_dict(run_id, given.config.model_dump(mode="json"), "study.json")
    store = places.store()
    with tempfile.TemporaryDirectory() as folder:
        for artifact in (CSV, PAGE, TEXT):
            path = Path(folder) / artifact
            path.write_bytes(store.read_object(KIND, key, artifact))
            client.log_artifact(run_id, str(path))
    client.set_terminated(run_id)


def _metric_name(name: str) -> str:
    """MLflow takes letters, digits and a few signs only."""
    return "".join(letter if letter.isalnum() or letter in "_-. /:" else "_" for letter in name)
