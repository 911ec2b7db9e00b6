"""Retrains on local stores: a Prefect server and a small Ray cluster for all of them, MLflow's database in each."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cluster
from experiments import KWS, kill_run, start, tiny_experiment, write_preset
from retrains import BEFORE_FEATURES, RESULTS, Ended, Retrain, Trial, comparable, plain_end
from servers import BIN, free_port, wait_for_answer


@dataclass
class Line:
    """Services that live as long as the session, and what an undisturbed retrain leaves."""

    folder: Path
    env: dict[str, str]
    reference: Path
    """Store of an undisturbed run."""
    seconds: dict[str, float]
    """Of an undisturbed run from the segments on; empty where it was not measured."""

    @property
    def name(self) -> str:
        """Name of the experiment that the reference's bundle has."""
        (described,) = self.reference.glob("objects/bundle/*/bundle.json")
        return str(json.loads(described.read_bytes())["name"])

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of all results of the undisturbed run."""
        return local_files(self.reference)

    def with_segments(self, store: Path, *more: str) -> Path:
        """Give a store what comes before the features, and more datasets."""
        for room in ("parts", "manifests"):
            for stage in (*BEFORE_FEATURES, *more):
                if (self.reference / room / stage).exists():
                    shutil.copytree(self.reference / room / stage, store / room / stage)
        return store


class LocalRetrain(Retrain):
    """A `kws retrain` whose store is a folder and whose registry lies in the workspace."""

    def __init__(
        self,
        line: Line,
        folder: Path,
        store: Path,
        experiment: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.line = line
        self.folder = folder
        self.store = store
        self.name = str((experiment or {}).get("name", "tiny"))
        self.env = env or {}
        self.run = None
        folder.mkdir(exist_ok=True)
        self.preset = write_preset(folder / "tiny.yaml", tiny_experiment(**(experiment or {})))

    def exists(self, prefix: str) -> bool:
        path = self.store / prefix
        if prefix.endswith("/"):
            return path.is_dir() and any(not entry.name.startswith(".") for entry in path.iterdir())
        return path.exists()

    def searched(self) -> bool:
        return any(self.store.glob("searches/*/*/checkpoint_*"))

    def begin(self) -> None:
        command = [str(KWS), "retrain", "--preset", str(self.preset), "--store", str(self.store)]
        self.run = start(command, self.folder, {**self.line.env, **self.env})

    @property
    def database(self) -> Path:
        """Of MLflow."""
        return self.folder / "runs" / self.name / "mlflow.db"

    def facts(self) -> dict[str, Any]:
        """Versions and aliases of the model."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            aliases = database.execute(
                "select alias, version from registered_model_aliases where name = ?", (self.name,)
            ).fetchall()
            versions = database.execute("select version from model_versions where name = ?", (self.name,)).fetchall()
        return {"aliases": {alias: str(v) for alias, v in aliases}, "versions": sorted(str(v) for (v,) in versions)}

    def check(self, wanted: Mapping[str, str]) -> None:
        """The bytes are those wanted, and the one version is champion."""
        assert local_files(self.store) == wanted
        assert self.facts() == {"aliases": {"challenger": "1", "champion": "1"}, "versions": ["1"]}


def local_files(store: Path) -> dict[str, str]:
    """SHA-256 of all results, by their name in the store."""
    return dict(
        comparable(str(path.relative_to(store)), path.read_bytes())
        for path in store.rglob("*")
        if path.is_file() and str(path.relative_to(store)).startswith(RESULTS) and not path.name.startswith(".")
    )


@contextmanager
def local_line(folder: Path, reference: Path | None, seconds: dict[str, float]) -> Iterator[Line]:
    """Prefect, Ray with two nodes, and a finished store: the one given, or that of a run."""
    # Ray's workers give way, as the tests themselves do
    cluster.SETTINGS["RAY_worker_niceness"] = "15"
    port = free_port()
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = start(command, folder, {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"})
    try:
        with cluster.ray_cluster(2) as nodes:
            wait_for_answer(f"http://127.0.0.1:{port}/api/health", server)
            env = {**nodes.env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
            line = Line(folder, env, reference or folder / "store", seconds)
            if reference is None:
                trial = Trial(LocalRetrain(line, folder / "undisturbed", line.reference), lambda _: None, moments=())
                trial.carry_out()
                assert not trial.ends, trial.ends
            yield line
    finally:
        kill_run(server)


def run_to_end(retrain: Retrain, timeout_s: float = 1500) -> Ended:
    """Begin and wait."""
    retrain.begin()
    assert retrain.run is not None
    try:
        retrain.run.process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise AssertionError(retrain.terminal()[-3000:]) from None
    finally:
        retrain.close()
    return plain_end(retrain)
