"""The whole line with store, search state and MLflow artifacts on a real S3 server (`make test-slow`)."""

import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from experiments import NAME, Finished, kill_run, run_kws, start, write_preset
from registry_json import registry_json
from secret_search import files_below, finds, parquet_text
from servers import BIN, mlflow_server

from kws_core.store import Store

pytestmark = pytest.mark.slow

DATASETS = ("utterances", "words", "segments", "features", "selection", "pairs")
LOGS = "logs of Ray"
AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True)
class Retrained:
    """A finished retrain, and where anything of it lies."""

    finished: Finished
    arguments: tuple[str | Path, ...]
    env: dict[str, str]
    folder: Path
    logs: Path
    """Of Ray: the drivers', its daemons' and the workers'."""
    tracking_uri: str
    bucket: Store
    secrets: tuple[str, ...]
    search_states: set[str]
    """Objects that the search had in the store while it ran."""


@pytest.fixture(scope="module")
def retrained(
    s3_endpoint: str, prefect_server: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Retrained]:
    import s3fs

    canaries = tuple(f"canary{uuid.uuid4().hex}" for _ in range(3))
    keys = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        **dict(zip(AWS, ("test", *canaries), strict=False)),
    }
    login = {"MLFLOW_TRACKING_USERNAME": "somebody", "MLFLOW_TRACKING_PASSWORD": canaries[2]}
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    folder = tmp_path_factory.mktemp("s3")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in keys.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        stack.callback(s3fs.S3FileSystem.clear_instance_cache)
        bucket = f"b{uuid.uuid4().hex}"
        s3fs.S3FileSystem().mkdir(bucket)
        # a short path: Ray's sockets lie below it
        logs = Path(tempfile.mkdtemp(prefix="kws"))
        stack.callback(shutil.rmtree, logs, ignore_errors=True)
        url = stack.enter_context(mlflow_server(folder / "mlflow", f"s3://{bucket}/artifacts", keys))
        # Ray's workers give way to all else: on a machine with other work they would hardly run
        env = {**prefect_server, **keys, **login, "RAY_TMPDIR": str(logs), "RAY_worker_niceness": "0"}
        preset = write_preset(folder / "tiny.yaml")
        arguments = ("retrain", "--preset", preset, "--store", f"s3://{bucket}/store", "--tracking-uri", url)
        store = Store(f"s3://{bucket}")
        states: set[str] = set()
        began = time.monotonic()
        run = start([str(BIN / "kws"), *map(str, arguments)], folder, env)
        try:
            while run.process.poll() is None:
                states.update(store.files.names("store/searches"))
                assert time.monotonic() - began < 1500, run.stderr.read_text()
                time.sleep(0.5)
        finally:
            kill_run(run)
        finished = Finished(
            run.process.returncode, run.stdout.read_text(), run.stderr.read_text(), time.monotonic() - began
        )
        assert finished.status == 0, finished.stderr
        yield Retrained(finished, arguments, env, folder, logs, url, store, canaries, states)


def test_everything_that_lasts_is_on_s3(retrained: Retrained) -> None:
    names = retrained.bucket.files.names("store")
    for stage in DATASETS:
        assert any(name.startswith(f"store/manifests/{stage}/") for name in names), stage
    assert any(name.startswith("store/objects/encoder/") and name.endswith("/checkpoint.pt") for name in names)
    assert any(name.endswith("/checkpoint.pt") for name in retrained.search_states)
    # at most the empty object by which Arrow marks a folder
    assert {name for name in names if name.startswith("store/searches/")} <= {"store/searches/"}
    artifacts = {name.rpartition("/")[2] for name in retrained.bucket.files.names("artifacts")}
    assert artifacts >= {"bundle.json", "encoder.onnx", "report.html", "MLmodel", "experiment.json"}
    # what is local is a copy
    assert {path.name for path in (retrained.folder / "runs" / NAME).iterdir()} <= {"bundles", "cache", "report.html"}


def test_a_second_retrain_finds_all_of_it_and_its_champion_spots(retrained: Retrained, tmp_path: Path) -> None:
    again = run_kws(*retrained.arguments, cwd=tmp_path, timeout_s=900, env=retrained.env)
    assert again.status == 0, again.stderr
    for stage in DATASETS:
        assert "nothing to compute" in again.lines()[stage][0]
    registry = registry_json(retrained.tracking_uri, NAME, tmp_path)
    assert registry["aliases"] == {"challenger": "1", "champion": "1"}
    recording = run_kws("demo-recording", tmp_path / "recording.wav", cwd=tmp_path, timeout_s=300)
    assert recording.status == 0, recording.stderr
    # whoever spots has no keys of S3: the server of MLflow reads for them
    without = dict.fromkeys(AWS, "")
    model = ("spot", "--model", f"models:/{NAME}@champion", "--tracking-uri", retrained.tracking_uri)
    found = run_kws(*model, tmp_path / "recording.wav", cwd=tmp_path, timeout_s=300, env=without)
    assert found.status == 0, found.stderr


def test_no_secret_is_written_anywhere(retrained: Retrained) -> None:
    places: dict[str, dict[str, bytes]] = {
        "terminal": {
            "stdout": retrained.finished.stdout.encode(),
            "stderr": retrained.finished.stderr.encode(),
        },
        "store": _objects(retrained.bucket, "store"),
        "artifacts": _objects(retrained.bucket, "artifacts"),
        "workspace": files_below(retrained.folder / "runs"),
        "MLflow's server": files_below(retrained.folder / "mlflow"),
        LOGS: files_below(retrained.logs),
        "Prefect and the rest": files_below(retrained.folder),
    }
    for place, contents in places.items():
        # the search finds what is known to be there
        known = b"raylet" if place == LOGS else NAME.encode()
        assert any(known in content for content in contents.values()), place
        for secret in retrained.secrets:
            assert finds(contents, secret) == [], place


def _objects(bucket: Store, folder: str) -> dict[str, bytes]:
    contents = {name: bucket.files.read(name) for name in bucket.files.names(folder)}
    rows = {f"{name} (rows)": parquet_text(content) for name, content in contents.items() if name.endswith(".parquet")}
    return contents | rows
