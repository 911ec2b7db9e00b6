"""The doctor at the servers: MLflow and Prefect, asked as their clients ask them, and their clocks."""

import os
import sqlite3
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.doctor import Finding
from tasks.doctor_machine import clock, installed, missing_package

if TYPE_CHECKING:
    import httpx

REQUEST_S = 10.0
SQLITE = "sqlite:///"


def mlflow(tracking_uri: str) -> Sequence[Finding]:
    """The registry: a server of the same release that answers who asks, or a database file."""
    ours = installed("mlflow")
    if not ours:
        return [missing_package("MLflow", "mlflow")]
    if not tracking_uri:
        return [Finding(name="MLflow", state="ok", said=f"{ours}; each retrain has a database in its workspace")]
    if tracking_uri.startswith(SQLITE):
        return [_database(ours, Path(tracking_uri.removeprefix(SQLITE)))]
    if not tracking_uri.startswith(("http://", "https://")):
        return [_other_database(ours, tracking_uri)]
    headers, login = _mlflow_login()
    asked = f"{tracking_uri.rstrip('/')}/api/2.0/mlflow/registered-models/search?max_results=1"
    answer, findings = _ask("MLflow", asked, headers, login, "start it, or correct --tracking-uri")
    if answer is None:
        return findings
    if answer.status_code != 200:
        advice = {
            401: "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            403: "start the server with --allowed-hosts that names this address, or ask for the rights of this user",
        }.get(answer.status_code, "see the server's log")
        said = f"{tracking_uri} answers {answer.status_code}: {' '.join(answer.text.split())[:120]}"
        return [Finding(name="MLflow", state="wrong", said=said, advice=advice), *findings]
    version, _ = _ask("MLflow", f"{tracking_uri.rstrip('/')}/version", headers, login, "")
    theirs = version.text.strip() if version is not None and version.status_code == 200 else "of unknown version"
    return [_release("MLflow", tracking_uri, ours, theirs), *findings]


def prefect(api_url: str) -> Sequence[Finding]:
    """The Prefect server that runs report to, where there is one."""
    ours = installed("prefect")
    if not ours:
        return [missing_package("Prefect", "prefect")]
    if not api_url:
        return [Finding(name="Prefect", state="ok", said=f"{ours}; PREFECT_API_URL is not set: a private server a run")]
    headers = {"Authorization": f"Bearer {key}"} if (key := os.environ.get("PREFECT_API_KEY")) else {}
    user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    login = (user, password) if user else None
    asked = f"{api_url.rstrip('/')}/admin/version"
    answer, findings = _ask("Prefect", asked, headers, login, "start it, or correct or unset PREFECT_API_URL")
    if answer is None:
        return findings
    if answer.status_code != 200:
        advice = "set PREFECT_API_AUTH_STRING or PREFECT_API_KEY" if answer.status_code == 401 else "see its log"
        if answer.status_code == 404:
            advice = "PREFECT_API_URL ends in /api"
        said = f"{api_url} answers {answer.status_code}"
        return [Finding(name="Prefect", state="wrong", said=said, advice=advice), *findings]
    return [_release("Prefect", api_url, ours, answer.text.strip().strip('"')), *findings]


def _ask(
    name: str, url: str, headers: dict[str, str], login: tuple[str, str] | None, advice: str
) -> "tuple[httpx.Response | None, list[Finding]]":
    """What a server answers, and its clock; without an answer, why there is none."""
    import httpx

    before = time.time()
    try:
        answer = httpx.get(url, headers=headers, auth=login, timeout=REQUEST_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = f"{url.split('/api')[0]} does not answer: {' '.join(str(error).split()) or type(error).__name__}"
        return None, [Finding(name=name, state="wrong", said=said, advice=advice)]
    if "date" not in answer.headers:
        return answer, []
    theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    return answer, [clock(f"{name}'s", (before + time.time()) / 2 - theirs)]


def _mlflow_login() -> tuple[dict[str, str], tuple[str, str] | None]:
    """What MLflow's own client would send."""
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}, None
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    return {}, (user, password) if user else None


def _release(name: str, address: str, ours: str, theirs: str) -> Finding:
    """Client and server are of one release, patches aside."""
    if theirs.split(".")[:2] == ours.split(".")[:2]:
        return Finding(name=name, state="ok", said=f"{theirs} at {address}")
    said = f"{theirs} at {address}, and {ours} is installed here"
    return Finding(name=name, state="wrong", said=said, advice=f"have the server and this machine on {ours}")


def _database(ours: str, path: Path) -> Finding:
    if not path.exists():
        return Finding(name="MLflow", state="ok", said=f"{ours}; {path} is made by the first retrain")
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=REQUEST_S) as database:
            (models,) = database.execute("select count(*) from registered_models").fetchone()
    except sqlite3.Error as error:
        advice = "restore it from a backup, or name another by --tracking-uri"
        return Finding(name="MLflow", state="wrong", said=f"{path} is no MLflow database: {error}", advice=advice)
    return Finding(name="MLflow", state="ok", said=f"{ours}; {models} registered models in {path}")


def _other_database(ours: str, tracking_uri: str) -> Finding:
    from tasks import registry

    with registry.told(tracking_uri):
        registry.client(tracking_uri).search_registered_models(max_results=1)
    return Finding(name="MLflow", state="ok", said=f"{ours}; {tracking_uri} answers")
