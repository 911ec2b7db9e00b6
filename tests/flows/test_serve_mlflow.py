"""`mlflow models serve` on a registered version: a real process that answers as the library does."""

import os
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from experiments import kill_run, start
from servers import BIN, free_port, wait_for_answer
from serving import say, words_bundle

from kws_core.spotter import Spotter
from tasks import register, registry


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning")  # of the pyfunc, by MLflow
def test_mlflow_serves_a_registered_version(tmp_path: Path) -> None:
    bundle = words_bundle(tmp_path / "bundle", "marvin", "window")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = registry.client(uri)
    experiment = client.create_experiment("words", artifact_location=(tmp_path / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    client.create_registered_model("words")
    model_id = register.log_model(run_id, bundle)
    client.create_model_version("words", f"models:/{model_id}", run_id, model_id=model_id)
    client.set_registered_model_alias("words", "champion", "1")
    with registry.downloaded(client, "models:/words@champion") as found:
        assert found.fingerprint == bundle.fingerprint
    said = [say("marvin"), say("window"), np.zeros(1, np.float32)]
    windows = np.stack([np.pad(pcm, (0, 16000))[:16000] for pcm in said])
    expected = Spotter(bundle).classify(windows)
    port = free_port()
    options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [str(BIN / "mlflow"), "models", "serve", "-m", "models:/words@champion", *options]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    server = start(command, tmp_path, {"MLFLOW_TRACKING_URI": uri, "PATH": path})
    try:
        wait_for_answer(f"http://127.0.0.1:{port}/ping", server)
        address = f"http://127.0.0.1:{port}/invocations"
        answer = httpx.post(address, json={"inputs": windows.tolist()}, timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text
        found = answer.json()["predictions"]
        assert [row["keyword"] for row in found][:2] == ["marvin", "window"]
        assert found == [pytest.approx(vars(each), abs=1e-5) for each in expected]
        short = httpx.post(address, json={"inputs": windows[:, :100].tolist()}, timeout=60, trust_env=False)
        assert short.status_code == 400, short.text
    finally:
        kill_run(server)
