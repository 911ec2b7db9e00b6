"""The stack of `make stack` with a front of its S3 server that the campaign controls."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import yaml
from experiments import tiny_experiment
from store_front import StoreFront

from infra.stack.deployments import deploy
from infra.stack.service import answers
from infra.stack.services import MLFLOW, PREFECT, RAY_HEAD, RAY_WORKERS, S3, WORKER, free_port
from infra.stack.stack import Stack, stack

SUPERVISOR_S = 10.0
"""After which a service that died is started again."""
EPOCHS = 40
RAY = (RAY_HEAD, *(f"ray-worker-{number}" for number in range(1, RAY_WORKERS + 1)))


class FaultStack:
    """A running stack, its S3 front, and a client of the S3 server itself that no fault reaches."""

    def __init__(self, stack: Stack, front: StoreFront, folder: Path) -> None:
        self.stack = stack
        self.front = front
        self.folder = folder
        self.layout = stack.layout
        self.preset = folder / "tiny.yaml"
        self.preset.write_text(yaml.safe_dump(long_search()), encoding="utf-8")

    @property
    def client(self) -> dict[str, str]:
        """Environment of a client."""
        return self.layout.client

    def kill(self, name: str) -> None:
        """SIGKILL a service with all of its processes."""
        self.stack.services[name].kill()

    def kill_first(self, name: str) -> None:
        """SIGKILL the process of a service that was started first, and none that it started."""
        process = self.stack.services[name].process
        assert process is not None
        process.kill()
        process.wait()

    def supervise(self, *names: str, after_s: float = SUPERVISOR_S) -> None:
        """Start services again after a while; what is left of them is killed first."""
        time.sleep(after_s)
        for name in names:
            self.stack.services[name].kill()  # a head of Ray does not start beside nodes of the one before
        for name in names:
            self._start(name)

    def terminate(self, name: str) -> None:
        """Ask a service to end, wait, and start it again at once."""
        self.stack.services[name].stop()
        self._start(name)

    def _start(self, name: str) -> None:
        for _ in range(3):
            self.stack.services[name].kill()
            with suppress(Exception):
                self.stack.restart(name)
                return
        self.stack.restart(name)

    def objects(self, prefix: str, bucket: str = "kws") -> list[dict[str, Any]]:
        """Objects below a prefix, as S3 lists them."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry for page in pages for entry in page.get("Contents", [])]

    @property
    def s3(self) -> Any:
        """A client of the server behind the front."""
        import boto3
        from botocore.config import Config

        keys = {"aws_access_key_id": self.layout.s3_key, "aws_secret_access_key": self.layout.s3_secret}
        if not hasattr(self, "_s3"):
            # moto gives objects of several parts a checksum that boto3 does not take
            options = Config(response_checksum_validation="when_required")
            server = {"endpoint_url": self.front.server, "region_name": "us-east-1"}
            self._s3 = boto3.client("s3", config=options, **server, **keys)
        return self._s3

    def prefect(self, method: str, path: str, **body: Any) -> Any:
        """Ask Prefect's server."""
        answer = httpx.request(method, self.layout.url(PREFECT, f"/api/{path}"), json=body or None, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def mlflow(self, method: str, path: str, **parameters: Any) -> Any:
        """Ask MLflow's server."""
        address = self.layout.url(MLFLOW, f"/api/2.0/mlflow/{path}")
        given = {"params": parameters} if method == "GET" else {"json": parameters}
        answer = httpx.request(method, address, timeout=60, **given)
        answer.raise_for_status()
        return answer.json()

    def flow_processes(self) -> list[int]:
        """Processes of flow runs that the worker started."""
        from infra.stack.processes import tagged

        service = self.stack.services[WORKER]
        found = []
        for process in tagged(service.tag):
            with suppress(OSError):
                command = Path(f"/proc/{process}/cmdline").read_bytes()
                if b"prefect.engine" in command and service.process is not None and process != service.process.pid:
                    found.append(process)
        return found


def long_search() -> dict[str, Any]:
    """The tiny experiment with a search that still runs when a service is back that was killed before it."""
    experiment = tiny_experiment()
    experiment["search"] |= {"max_epochs": EPOCHS, "scheduler": "none"}
    return experiment


def kill_process(process: int) -> None:
    """SIGKILL one process."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@contextmanager
def fault_stack(folder: Path) -> Iterator[FaultStack]:
    """A stack with all services but the serving one, its deployments registered."""
    with stack(folder) as made:
        s3, port = made.services[S3], free_port()
        server = f"http://127.0.0.1:{port}"
        s3.command[-1], s3.is_ready = str(port), answers(server)
        front = StoreFront(made.layout.ports[S3], server)
        try:
            made.up(print)
            deploy(made.layout)
            yield FaultStack(made, front, folder)
        finally:
            front.stop()
