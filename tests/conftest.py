"""Fixtures for all tests: quiet settings, one thread for torch, and a real S3 server on loopback."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.quiet import quieten

quieten()

FLOWS = "tests/flows/"
OTHERS = (
    "abort_notice",
    "deployments",
    "doctor",
    "enrol",
    "flows_load",
    "ingest_drop",
    "operating_point",
    "s3_signatures",
    "serve",
    "serve_model",
    "serve_page",
    "serve_swap",
    "spot_live",
)
WITHOUT_FULL_RUN = {f"{FLOWS}test_{name}.py" for name in OTHERS}
SHARED = Path(__file__).parents[2] / "shared"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes (`make test`), the tests of a file stay in one, and so do those that share a full run."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.split("::")[0]
            return FLOWS if path.startswith(FLOWS) and path not in WITHOUT_FULL_RUN else path

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    # only where a test module has imported torch already: importing it costs seconds
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The project's folder of recorded speech; tests that need it are skipped where it is absent."""
    if not (SHARED / "data" / "sentences.tsv").exists():
        pytest.skip("the recorded speech of ../shared is absent")
    return SHARED


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of an S3 server that runs in a thread."""
    server = pytest.importorskip("moto.server")
    thread = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    thread.start()
    host, port = thread.get_host_and_port()
    yield f"http://{host}:{port}"
    thread.stop()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new bucket, such as `s3://b1c2`."""
    s3fs = pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()  # a file system keeps the endpoint it was made with
    bucket = f"b{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(bucket)
    yield f"s3://{bucket}"
    s3fs.S3FileSystem.clear_instance_cache()
