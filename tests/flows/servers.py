"""Servers on loopback for the tests of the flows: MLflow with its artifacts on S3, and an S3 that checks signatures."""

import socket
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from experiments import Run, kill_run, start

BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def mlflow_server(folder: Path, artifacts: str, env: Mapping[str, str]) -> Iterator[str]:
    """An MLflow server whose artifacts lie at an `s3://` address: its clients need no keys; gives its address."""
    folder.mkdir(parents=True)
    port = free_port()
    options = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", artifacts]
    command = [str(BIN / "mlflow"), "server", *options, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    server = start(command, folder, env)
    try:
        wait_for_answer(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_run(server)


@contextmanager
def signed_s3_server(folder: Path, access_key: str, secret: str) -> Iterator[str]:
    """`rclone serve s3` on a folder whose subfolders are its buckets: a wrong secret gets 403; gives its address."""
    port = free_port()
    data, settings = folder / "data", folder / "rclone.conf"
    data.mkdir(parents=True)
    settings.touch()
    options = ["--config", str(settings), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{access_key},{secret}"]
    server = start([str(BIN / "rclone"), "serve", "s3", *options, str(data)], folder)
    try:
        _wait_for_port(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_run(server)


def wait_for_answer(address: str, server: Run, timeout_s: float = 600) -> None:
    """Wait until an address answers; raises when the server ends first."""
    deadline = time.monotonic() + timeout_s
    while True:
        assert server.process.poll() is None, server.stderr.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _wait_for_port(port: int, server: Run, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        assert server.process.poll() is None, server.stderr.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
