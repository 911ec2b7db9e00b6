"""The whole line with its store on a real S3 server, and on a Ray cluster that was there before (`make test-slow`)."""

import os
import socket
from pathlib import Path

import pytest
from experiments import KWS, NAME, kill_run, run_command, run_kws, start, write_preset

from kws_core.store import Store

pytestmark = pytest.mark.slow


def test_retrain_with_its_store_on_s3(s3_url: str, prefect_server: dict[str, str], tmp_path: Path) -> None:
    preset = write_preset(tmp_path / "tiny.yaml")
    arguments = ("retrain", "--preset", preset, "--store", f"{s3_url}/store")
    first = run_kws(*arguments, cwd=tmp_path, timeout_s=300, env=prefect_server)
    assert first.status == 0, first.stderr
    again = run_kws(*arguments, cwd=tmp_path, timeout_s=200, env=prefect_server)
    assert again.status == 0, again.stderr
    for stage in ("utterances", "words", "segments", "features", "selection", "pairs"):
        assert "nothing to compute" in again.lines()[stage][0]
    names = Store(f"{s3_url}/store").files.names("manifests")
    assert {name.split("/")[1] for name in names} >= {"utterances", "words", "segments", "features", "pairs"}
    workspace = tmp_path / "runs" / NAME
    assert not (workspace / "store").exists()
    found = run_kws("spot", "--model", f"models:/{NAME}@champion", preset, cwd=tmp_path, timeout_s=60)
    assert found.status == 1
    assert "not a readable recording" in found.stderr


def test_retrain_on_a_cluster_that_is_there(prefect_server: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray = str(KWS.with_name("ray"))
    options = ["--head", f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=2", "--block"]
    temporary = {"RAY_TMPDIR": os.environ.get("TMPDIR", "/tmp"), "RAY_USAGE_STATS_ENABLED": "0"}  # noqa: S108
    head = start([ray, "start", *options], tmp_path, temporary)
    try:
        address = f"127.0.0.1:{port}"
        status = [ray, "status", f"--address={address}"]
        for _ in range(30):
            if run_command(status, tmp_path, 60).status == 0:
                break
        preset = write_preset(tmp_path / "tiny.yaml")
        env = {**prefect_server, "RAY_ADDRESS": address}
        finished = run_kws("retrain", "--preset", preset, cwd=tmp_path, timeout_s=300, env=env)
        assert finished.status == 0, finished.stderr
        assert "promoted" in finished.stderr
    finally:
        kill_run(head)
