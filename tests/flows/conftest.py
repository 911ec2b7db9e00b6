"""One full run of the tiny experiment, and one Prefect server, for all tests of the flows."""

import socket
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from experiments import KWS, FullRun, kill_run, run_kws, start, write_preset

SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "KWS_TOKEN",
    "KWS_WEBHOOK_URL",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "PGPASSWORD",
    "PREFECT_API_AUTH_STRING",
    "RAY_AUTH_TOKEN",
)
"""Where users keep secrets: the shared run has one in each; `test_secrets.py` looks for them."""


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullRun]:
    """Recordings to champion, by the command that a user types."""
    folder = tmp_path_factory.mktemp("full")
    preset = write_preset(folder / "tiny.yaml")
    secrets = {name: f"canary{uuid.uuid4().hex}" for name in SECRETS}
    # a short path: Ray's sockets lie below it
    with tempfile.TemporaryDirectory(prefix="kws", ignore_cleanup_errors=True) as logs:
        env = {**secrets, "AWS_ACCESS_KEY_ID": "test", "MLFLOW_TRACKING_USERNAME": "somebody", "RAY_TMPDIR": logs}
        finished = run_kws("retrain", "--preset", preset, cwd=folder, timeout_s=300, env=env)
        assert finished.status == 0, finished.stderr
        yield FullRun(folder, preset, finished, secrets, Path(logs))


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of commands whose flows report to a running server, which spares them a start of their own."""
    folder = tmp_path_factory.mktemp("prefect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(KWS.with_name("prefect")), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = start(command, folder, {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"})
    address = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_healthy(address)
        yield {"PREFECT_API_URL": address}
    finally:
        kill_run(server)


def _wait_until_healthy(address: str, timeout_s: float = 600) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310 - loopback
                assert answer.status == 200
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
