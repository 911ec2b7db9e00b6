"""What is worth another attempt of a stage: outages and lost nodes, never what a repetition leaves as it is."""

import errno
import os
import pickle
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from typing import Any

import aiohttp
import httpx
import pytest
import requests
from mlflow.exceptions import MlflowException, RestException
from prefect.states import Completed, Failed
from ray.exceptions import (
    NodeDiedError,
    OutOfDiskError,
    OutOfMemoryError,
    RayActorError,
    RayTaskError,
    RuntimeEnvSetupError,
    TaskCancelledError,
    WorkerCrashedError,
)

from kws_core.errors import (
    AudioError,
    ClusterError,
    ConfigError,
    CorpusError,
    KwsError,
    RegistryError,
    StoreError,
    StoreOutageError,
)
from kws_core.files import store_error
from kws_core.store import Store
from tasks import registry
from tasks.retries import RETRY_DELAYS_S, is_worth_a_retry
from tasks.stage import _can_help, stage_task

botocore = import_module("botocore.exceptions")


def aws(code: str, status: int) -> Exception:
    error: Exception = botocore.ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
    )
    return error


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def of_a_ray_task(error: Exception) -> Exception:
    wrapped: Exception = RayTaskError("make_part", "Traceback", error)
    return wrapped


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


HELPS: dict[str, Exception] = {
    "connection reset": ConnectionResetError("reset"),
    "connection refused": ConnectionRefusedError("refused"),
    "timeout": TimeoutError("slow"),
    "no route to the host": os_error(errno.EHOSTUNREACH),
    "network is down": os_error(errno.ENETDOWN),
    "stale file handle of a network folder": os_error(errno.ESTALE),
    "S3 throttles": aws("SlowDown", 503),
    "S3 throttles by another status": aws("SlowDown", 400),
    "S3 answers 500": aws("InternalError", 500),
    "S3 answers 429": aws("TooManyRequests", 429),
    "S3 is not reached": botocore.EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
    "S3 is slow": botocore.ReadTimeoutError(endpoint_url="http://127.0.0.1:9"),
    "s3fs says it in its own words": raised_from(os_error(errno.EIO), aws("ServiceUnavailable", 503)),
    "Arrow's client says it": OSError("When reading: AWS Error SLOW_DOWN during GetObject operation: reduce"),
    "Arrow's client lost the network": OSError("When reading: AWS Error NETWORK_CONNECTION during HeadObject"),
    "Arrow's client got 502": OSError("When reading: AWS Error UNKNOWN (HTTP status 502) during GetObject"),
    "a store that does not answer": StoreOutageError("no answer"),
    "the same, from a worker": of_a_ray_task(StoreOutageError("no answer")),
    "MLflow is not reached": MlflowException("API request to http://x failed with exception refused"),
    "MLflow answers 503": MlflowException("API request to endpoint /x failed with error code 503 != 200."),
    "MLflow is busy": RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}),
    "the registry, in a sentence": raised_from(RegistryError("no answer"), requests.ConnectionError("refused")),
    "requests times out": requests.Timeout("slow"),
    "S3 is cut off in an answer": aiohttp.ClientPayloadError("not completed"),
    "httpx is cut off": httpx.RemoteProtocolError("cut"),
    "an actor is lost": RayActorError(),
    "a node is lost": NodeDiedError("gone"),
    "a worker has crashed": WorkerCrashedError(),
    "a worker's connection was reset": of_a_ray_task(ConnectionResetError("reset")),
}
HELPS_NOT: dict[str, Exception] = {
    "a user's mistake": KwsError("no"),
    "a wrong key": ConfigError("no"),
    "bad input": CorpusError("too many were rejected"),
    "one bad recording": AudioError("no"),
    "bad input, from a worker": of_a_ray_task(AudioError("no")),
    "a damaged part": StoreError("is damaged"),
    "a cluster without room": ClusterError("no"),
    "full disk": os_error(errno.ENOSPC),
    "full quota": os_error(errno.EDQUOT),
    "read-only disk": os_error(errno.EROFS),
    "refused access": PermissionError(errno.EACCES, "denied"),
    "a missing file": FileNotFoundError(errno.ENOENT, "missing"),
    "S3 refuses": aws("AccessDenied", 403),
    "S3 has no such bucket": aws("NoSuchBucket", 404),
    "s3fs says that S3 refuses": raised_from(PermissionError("denied"), aws("AccessDenied", 403)),
    "no keys": botocore.NoCredentialsError(),
    "Arrow's client is refused": OSError("When reading: AWS Error ACCESS_DENIED (HTTP status 403) during GetObject"),
    "MLflow refuses": RestException({"error_code": "PERMISSION_DENIED", "message": "no"}),
    "MLflow answers 401": MlflowException("API request to endpoint /x failed with error code 401 != 200."),
    "MLflow finds none": MlflowException("no such run", error_code=1001),
    "the registry refuses": RegistryError("there is no such version"),
    "a defect": ValueError("bug"),
    "another defect": KeyError("x"),
    "a defect, from a worker": of_a_ray_task(ValueError("bug")),
    "a node's disk is full": OutOfDiskError("full"),
    "a node's memory is full": OutOfMemoryError("full"),
    "a worker's environment": RuntimeEnvSetupError("no"),
    "a task that was called off": TaskCancelledError(),
    "httpx is refused": httpx.HTTPStatusError(
        "403", request=httpx.Request("GET", "http://x"), response=httpx.Response(403)
    ),
}


@pytest.mark.parametrize("name", HELPS)
def test_an_outage_is_worth_a_retry(name: str) -> None:
    assert is_worth_a_retry(HELPS[name])
    assert _can_help(None, None, Failed(data=HELPS[name])) is True


@pytest.mark.parametrize("name", HELPS_NOT)
def test_what_stays_as_it_is_is_not(name: str) -> None:
    assert not is_worth_a_retry(HELPS_NOT[name])
    assert _can_help(None, None, Failed(data=HELPS_NOT[name])) is False


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_store_that_is_full_or_refuses_has_no_outage(number: int) -> None:
    assert type(store_error("it", os_error(number))) is StoreError


def test_an_outage_stays_one_on_its_way_from_a_worker() -> None:
    error = store_error("it", os_error(errno.ECONNRESET))
    assert is_worth_a_retry(pickle.loads(pickle.dumps(error)))  # noqa: S301 - our own bytes


@pytest.fixture
def answering() -> Iterator[tuple[str, list[int]]]:
    """A server that answers all requests with one status, which can be changed; its address and that status."""
    status = [503]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # clients of S3 wait until they are told to go on

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response_only(status[0])
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        do_GET = do_HEAD = do_PUT = do_POST = _answer

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", status
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "helps"),
    [
        (503, True),
        (403, False),
        (0, True),
        pytest.param(500, True, marks=pytest.mark.slow),
        pytest.param(429, True, marks=pytest.mark.slow),
    ],
)
def test_what_a_real_service_answers(
    status: int, helps: bool, answering: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 0 is a port that nobody listens on."""
    address = answering[0] if status else "http://127.0.0.1:9"
    answering[1][0] = status
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs: Any = import_module("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem.retries, retries = 1, s3fs.S3FileSystem.retries
    try:
        raised: list[Exception] = []
        store = Store("s3://bucket/prefix")
        with pytest.raises(StoreError) as unwritten:
            store.check_writable()
        with pytest.raises(StoreError) as unread:
            store.files.open("a").read()
        raised += [unwritten.value, unread.value]
        with pytest.raises(RegistryError) as untold, registry.told(address):
            registry.client(address).get_experiment_by_name("demo")
        raised.append(untold.value)
    finally:
        s3fs.S3FileSystem.retries = retries
        s3fs.S3FileSystem.clear_instance_cache()
    assert [is_worth_a_retry(error) for error in raised] == [helps] * 3, raised


def test_nothing_is_done_again_that_succeeded() -> None:
    assert _can_help(None, None, Completed(data=1)) is False


def test_stages_carry_the_condition() -> None:
    @stage_task("some")
    def some() -> int:
        """Answer."""
        return 7

    assert some.name == some.task.name == "some"
    assert some.task.retries == len(RETRY_DELAYS_S) > 0
    assert some.task.retry_delay_seconds == RETRY_DELAYS_S
    assert some.task.retry_condition_fn is _can_help
    assert some.task.persist_result is False
    assert some.fn() == 7
