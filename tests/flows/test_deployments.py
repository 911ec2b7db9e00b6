"""The deployments of infra/prefect.yaml: their entrypoints, their forms, and on a real Prefect server."""

import json
import os
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from experiments import KWS, kill_run, run_command, start

from flows.quiet import SETTINGS
from kws_core.errors import ConfigError

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra" / "prefect.yaml"
DOCUMENT = yaml.safe_load(FILE.read_text(encoding="utf-8"))
DEPLOYMENTS = {deployment["name"]: deployment for deployment in DOCUMENT["deployments"]}
REQUIRED = {"ingest", "build-dataset", "train", "evaluate", "promote", "rollback", "retrain"}
PREFECT = str(KWS.with_name("prefect"))
WAIT_S = 500.0
SCHEDULER_S = 100.0
"""The server schedules once a minute."""


def flow_of(name: str) -> Any:
    from prefect.flows import load_flow_from_entrypoint

    return load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_has_a_form_and_its_parameters_are_accepted(name: str) -> None:
    from prefect.utilities.callables import parameter_schema

    deployment, flow = DEPLOYMENTS[name], flow_of(name)
    schema = parameter_schema(flow)
    given = deployment.get("parameters", {})
    assert set(given) <= set(schema.properties)
    for parameter, shown in schema.properties.items():
        assert shown.get("description"), f"{name}: {parameter} has no description"
    for trigger in deployment.get("triggers", []):
        assert set(trigger.get("parameters", {})) <= set(schema.properties)
    if set(schema.required or []) <= set(given):
        flow.validate_parameters(given)
    # what a person has to decide is not decided by the file
    missing = set(schema.required or []) - set(given)
    assert missing <= {"version", "reason", "run", "state"}


def test_every_deployment_is_there_and_retrains_do_not_pile_up() -> None:
    assert set(DEPLOYMENTS) >= REQUIRED
    assert DEPLOYMENTS["retrain"]["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    told = next(iter(DEPLOYMENTS["notify"]["triggers"]))["match_related"]["prefect.resource.name"]
    assert set(told) == {flow_of(name).name for name in DEPLOYMENTS} - {"notify"}
    pools = DOCUMENT["definitions"]["work_pools"]
    assert set(pools) == {"process", "docker", "kubernetes"}
    # a worker imports Prefect before it imports our flows, so what quieten() sets has to come with the job
    wanted = {key: value for key, value in SETTINGS.items() if not key.startswith("PREFECT_") or "ANALYTICS" in key}
    for pool in pools.values():
        assert pool["job_variables"]["env"] == wanted


def test_the_event_that_a_retrain_waits_for_is_the_one_that_a_drop_emits() -> None:
    from tasks.announce_drop import EVENT, RESOURCE

    (trigger,) = DEPLOYMENTS["retrain"]["triggers"]
    assert trigger["expect"] == [EVENT]
    assert trigger["match"] == {"prefect.resource.id": f"{RESOURCE}*"}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("retrain", {"preset": ""}),
        ("retrain", {"preset": "demo", "settings": ["training.epochs"]}),
        ("rollback", {"name": "Not A Name"}),
        ("promote", {"name": "demo", "version": "champion", "reason": "x"}),
        ("ingest", {"recipe": "manifest", "drop": "last week"}),
        ("doctor", {"timeout_s": 0}),
    ],
)
def test_a_form_refuses_what_cannot_be_right(name: str, wrong: dict[str, Any]) -> None:
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError):
        flow_of(name).validate_parameters(wrong)


def test_a_notice_is_posted_and_never_shows_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[Any] = []
    status = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response_only(status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("KWS_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/secret")
    from prefect.logging import disable_run_logger

    notify = flow_of("notify").fn
    with disable_run_logger():
        notify("brave-newt", "Failed", "no room")
        status[0] = 500
        with pytest.raises(ConfigError, match="500") as refused:
            notify("brave-newt", "Refused")
        server.shutdown()
        server.server_close()
        with pytest.raises(ConnectionError) as gone:
            notify("brave-newt", "Refused")
    assert posted == [{"text": "brave-newt ended as Failed: no room"}, {"text": "brave-newt ended as Refused"}]
    assert "secret" not in f"{refused.value}{gone.value}"


@pytest.fixture(scope="module")
def deployed(
    prefect_server: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, str], Path]:
    """The server's address, the environment of its clients, and the folder that runs work in."""
    folder = tmp_path_factory.mktemp("deployed")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**prefect_server, "KWS_HOME": str(folder), "PATH": path}
    made = run_command([PREFECT, "work-pool", "create", "kws-process", "--type", "process"], folder, WAIT_S, env)
    assert made.status == 0, made.stderr + made.stdout
    command = [PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", str(FILE)]
    done = run_command(command, folder, WAIT_S, env)
    assert done.status == 0, done.stderr + done.stdout
    return prefect_server["PREFECT_API_URL"], env, folder


def ask(address: str, what: str, **body: Any) -> Any:
    deadline = time.monotonic() + WAIT_S
    while True:
        answer = httpx.post(f"{address}/{what}", json=body, timeout=60)
        # the server's sqlite is busy with what was just deployed
        if answer.status_code != 503 or time.monotonic() > deadline:
            answer.raise_for_status()
            return answer.json()
        time.sleep(0.5)


@pytest.mark.slow
def test_every_deployment_registers_with_its_schedule_limit_and_trigger(
    deployed: tuple[str, dict[str, str], Path],
) -> None:
    address = deployed[0]
    found = {one["name"]: one for one in ask(address, "deployments/filter")}
    assert set(found) == set(DEPLOYMENTS)
    for name, wanted in DEPLOYMENTS.items():
        one = found[name]
        assert one["entrypoint"] == wanted["entrypoint"]
        assert [plan["schedule"]["cron"] for plan in one["schedules"]] == [
            plan["cron"] for plan in wanted.get("schedules", [])
        ]
        if "concurrency_limit" in wanted:
            assert one["global_concurrency_limit"]["limit"] == wanted["concurrency_limit"]["limit"]
            strategy = one["concurrency_options"]["collision_strategy"]
            assert strategy == wanted["concurrency_limit"]["collision_strategy"]
    names = {automation["name"] for automation in ask(address, "automations/filter")}
    assert {"a new drop starts a retrain", "a run failed or was refused"} <= names


@pytest.mark.slow
def test_a_worker_runs_what_was_planned_and_a_failure_is_told(deployed: tuple[str, dict[str, str], Path]) -> None:
    address, env, folder = deployed
    (doctor,) = (one for one in ask(address, "deployments/filter") if one["name"] == "doctor")
    (rollback,) = (one for one in ask(address, "deployments/filter") if one["name"] == "rollback")
    good = ask(address, f"deployments/{doctor['id']}/create_flow_run", state={"type": "SCHEDULED"})
    bad = ask(address, f"deployments/{rollback['id']}/create_flow_run", state={"type": "SCHEDULED"})
    worker = start([PREFECT, "worker", "start", "--pool", "kws-process", "--limit", "2"], folder, env)
    try:
        assert _ended(address, good["id"])["name"] == "Completed"
        failed = _ended(address, bad["id"])
        assert failed["name"] == "Failed"
        assert "no registry at runs/demo/mlflow.db" in failed["message"]
        told = _notice(address)
        assert told["parameters"]["run"] == bad["name"]
        assert told["parameters"]["state"] == "Failed"
    finally:
        kill_run(worker)


@pytest.mark.slow
def test_status_shows_the_next_runs_of_a_model(deployed: tuple[str, dict[str, str], Path]) -> None:
    from tasks.model_status import _next_runs

    address = deployed[0]
    (retrain,) = (one for one in ask(address, "deployments/filter") if one["name"] == "retrain")
    at = datetime(2100, 1, 1, 3, tzinfo=UTC)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}}
    ask(address, f"deployments/{retrain['id']}/create_flow_run", state=state)
    found = _next_runs("demo", address)
    assert found is not None
    assert ("retrain", at.isoformat(timespec="seconds")) in {(run.deployment, run.at) for run in found}
    assert _next_runs("another", address) == ()


@pytest.mark.slow
def test_a_cron_schedule_makes_runs(deployed: tuple[str, dict[str, str], Path]) -> None:
    address = deployed[0]
    deadline = time.monotonic() + SCHEDULER_S
    made = False
    while not made and time.monotonic() < deadline:
        time.sleep(1)
        made = any(run["auto_scheduled"] for run in ask(address, "flow_runs/filter"))
    assert made, "the scheduler made no runs"


def _ended(address: str, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        state = httpx.get(f"{address}/flow_runs/{run}", timeout=60).json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return dict(state)
        time.sleep(0.5)
    raise TimeoutError(state)


def _notice(address: str) -> dict[str, Any]:
    """The run of `notify` that an event started."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        for run in ask(address, "flow_runs/filter", flows={"name": {"any_": ["notify"]}}):
            return dict(run)
        time.sleep(0.5)
    raise TimeoutError("no notice")
