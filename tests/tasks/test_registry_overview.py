"""What `kws status` and `kws gc` read from a registry: versions, aliases, runs and what a store must keep for them."""

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer.testing

from flows.cli import app
from kws_core.errors import RegistryError
from kws_core.fingerprint import fingerprint, sha256
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE
from kws_core.segments import STAGE
from kws_core.store import Store
from tasks import registry
from tasks.garbage import registered
from tasks.model_status import model_status

NAME = "kws"
OLD_S = 30 * 86_400.0


@dataclass(frozen=True)
class Registry:
    uri: str
    client: Any
    store: Store
    bundle: str
    segments: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A store with a registered bundle and its segments, and a part and a bundle that nothing needs; all of it old."""
    folder = tmp_path_factory.mktemp("registry")
    store = Store(str(folder / "store"))
    parts = [
        store.write_part(STAGE, fingerprint(n), "ours", PartOutput(pa.table({"n": [n]}), QUARANTINE.empty_table()))
        for n in range(2)
    ]
    segments = Manifest(STAGE, 1, (parts[0],))
    store.write_manifest(segments)
    bundles = {}
    for key in ("served", "left-behind"):
        content = json.dumps({"key": key, "files": {}}).encode()
        store.write_object("bundle", key, "bundle.json", content)
        bundles[key] = sha256(content)
    for path in Path(store.url).rglob("*"):
        os.utime(path, (time.time() - OLD_S,) * 2)

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = registry.client(uri)
    experiment = client.create_experiment(NAME)
    search = client.create_run(experiment, start_time=1_000, run_name="search")
    trial = client.create_run(experiment, start_time=2_000, tags={"mlflow.parentRunId": search.info.run_id})
    client.set_terminated(trial.info.run_id, end_time=3_000)
    client.set_terminated(search.info.run_id, "FAILED", end_time=181_000)
    run = client.create_run(experiment, start_time=200_000, run_name="retrain").info.run_id
    tags = {
        registry.BUNDLE_TAG: bundles["served"],
        registry.DECISION_TAG: "there was no champion",
        "kws.dataset.segments": segments.fingerprint,
        "kws.dataset.unheard-of": "x",
    }
    client.create_registered_model(NAME)
    model = folder / "model"
    model.mkdir()
    client.create_model_version(NAME, str(model), run, tags=tags)
    client.create_model_version(NAME, str(model), run)
    client.set_registered_model_alias(NAME, registry.CHAMPION, "1")
    client.create_registered_model("another")
    client.create_model_version("another", str(model), run, tags={registry.BUNDLE_TAG: "b" * 64})
    return Registry(uri, client, store, bundles["served"], segments.fingerprint)


def test_every_version_of_every_model_counts(served: Registry) -> None:
    found = registered(served.client)
    assert found.bundles == {served.bundle, "b" * 64}
    assert found.datasets == {served.bundle: {f"{STAGE}/{served.segments}"}}


def test_status_tells_aliases_and_the_last_runs_without_trials(
    served: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    found = model_status(served.client, NAME, 5)
    assert (found.versions, found.next_runs) == (2, None)
    assert [(one.alias, one.version, one.decision) for one in found.aliases] == [
        ("champion", "1", "there was no champion")
    ]
    assert [(run.name, run.state, run.minutes) for run in found.runs] == [
        ("retrain", "RUNNING", None),
        ("search", "FAILED", 3.0),
    ]
    assert [run.name for run in model_status(served.client, NAME, 1).runs] == ["retrain"]
    said = typer.testing.CliRunner().invoke(app, ["status", NAME, "--tracking-uri", served.uri])
    assert said.exit_code == 0
    assert "champion" in said.stdout
    assert "PREFECT_API_URL is not set" in said.stdout
    with pytest.raises(RegistryError, match="no versions of a model 'nobody'"):
        model_status(served.client, "nobody", 5)


def test_a_prefect_server_that_is_gone_is_told(served: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
    with pytest.raises(RegistryError, match=r"did not answer: .*; unset PREFECT_API_URL"):
        model_status(served.client, NAME, 5)


def test_gc_shows_first_and_deletes_when_asked(served: Registry) -> None:
    command = ["gc", "--store", served.store.url, "--tracking-uri", served.uri]
    before = served.store.files.names("")
    shown = typer.testing.CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "not needed: 2 " in shown.stdout
    assert "nothing was deleted" in shown.stdout
    assert served.store.files.names("") == before
    done = json.loads(typer.testing.CliRunner().invoke(app, [*command, "--delete", "--json"]).stdout)
    assert {(one["kind"], one["key"]) for one in done["garbage"]} == {
        (STAGE, fingerprint(1)),
        ("bundle", "left-behind"),
    }
    assert set(before) - set(served.store.files.names("")) == {
        f"parts/{STAGE}/{fingerprint(1)}.json",
        f"parts/{STAGE}/{fingerprint(1)}.parquet",
        "objects/bundle/left-behind/bundle.json",
    }
    assert "not needed: 0 " in typer.testing.CliRunner().invoke(app, command).stdout


def test_gc_without_a_registry_is_refused(served: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    said = typer.testing.CliRunner().invoke(app, ["gc", "--store", served.store.url])
    assert "no registry is named" in str(said.exception)
    gone = f"sqlite:///{tmp_path / 'none.db'}"
    said = typer.testing.CliRunner().invoke(app, ["gc", "--store", served.store.url, "--tracking-uri", gone])
    assert "there is no registry at" in str(said.exception)
    assert not (tmp_path / "none.db").exists()
