"""A run that is cancelled in Prefect leaves nothing at work, and the next one ends as if nothing had happened."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from cluster import Cluster, ray_cluster
from experiments import KWS, NAME, Run, kill_run, run_command, start, tagged_processes, tiny_experiment, write_preset
from store_files import part_keys, store_files

pytestmark = pytest.mark.slow

FILE = Path(__file__).parents[2] / "infra" / "prefect.yaml"
PREFECT = str(KWS.with_name("prefect"))
POOL = "kws-process"
RUN_S = 1500.0
FOUND = ("utterances", "reference", "words", "segments")
"""Datasets that are there when the first run to be cancelled begins."""
LOOKS_OFTEN = {"PREFECT_RUNNER_POLL_FREQUENCY": "1", "PREFECT_WORKER_QUERY_SECONDS": "1"}
"""A worker asks the server every second what is to be begun and cancelled, rather than every 10."""
GONE_S = 180.0
"""Within which a cancelled run must have ended, with all that it started."""
EXPERIMENT = tiny_experiment(
    # long enough to be cancelled in the middle
    ingest={"part_bytes": 450_000},
    features_stage={"copies": 8},
    augmentation={"waveform": {"noise_share": 1.0}},
    search={
        "trials": 2,
        "max_epochs": 8,
        "grace_epochs": 8,
        "parallel_trials": 2,
        "encoders": [{"name": "res15", "maps": 8, "stem_pooling": [6, 5]}],
    },
)
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "featurise": lambda store: bool(part_keys(store, "features")),
    "search": lambda store: any(store.glob("searches/**/checkpoint.pt")),
}
"""When a stage is at work: something of it is stored."""
FINISHED = {"featurise": "manifests/features/[!.]*.json", "search": "documents/search/[!.]*.json"}
"""What a stage stores last."""
HELD = """
import json, ray
ray.init(logging_level="ERROR", log_to_driver=False)
from ray.util import placement_group_table
groups = [group["state"] for group in placement_group_table().values() if group["state"] != "REMOVED"]
print(json.dumps({"groups": groups, "free": ray.available_resources(), "all": ray.cluster_resources()}))
"""
NEIGHBOUR = """
import ray, time
ray.init(logging_level="ERROR", log_to_driver=False)

@ray.remote(num_cpus=0)
class Counter:
    def __init__(self): self.count = 0
    def add(self): self.count += 1; return self.count

counter = Counter.remote()
while True:
    print(ray.get(counter.add.remote()), flush=True)
    time.sleep(0.2)
"""


@dataclass(frozen=True)
class Site:
    """A worker of a process pool, the server that gives it work, and where its runs compute."""

    address: str
    env: dict[str, str]
    folder: Path
    worker: Run
    idle: frozenset[int]
    """Processes of the worker without work."""
    cluster: Cluster | None

    def begin(self, workspace: Path) -> str:
        """Ask for a retrain, as the form does; returns the id of the flow run."""
        parameters = {"preset": str(workspace / "tiny.yaml"), "workspace": str(workspace / NAME)}
        (deployment,) = (one for one in self._ask("deployments/filter") if one["name"] == "retrain")
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters}
        return str(self._ask(f"deployments/{deployment['id']}/create_flow_run", body=body)["id"])

    def state(self, run: str) -> dict[str, Any]:
        return dict(self._ask(f"flow_runs/{run}", "GET")["state"])

    def is_cancelled(self, run: str) -> bool:
        return bool(self.state(run)["type"] == "CANCELLED")

    def end(self, run: str) -> str:
        """Wait for the end of a run; returns the name of its state."""
        wait_until(lambda: self.state(run)["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"), RUN_S, self.said)
        return str(self.state(run)["name"])

    def cancel(self, run: str) -> None:
        done = run_command([PREFECT, "flow-run", "cancel", run], self.folder, 120, self.env)
        assert done.status == 0, done.stderr

    def left(self) -> set[int]:
        """Processes that no worker without work has."""
        return set(tagged_processes(self.worker.tag)) - self.idle

    def said(self) -> str:
        return self.worker.stdout.read_text() + self.worker.stderr.read_text()

    def _ask(self, what: str, method: str = "POST", body: dict[str, Any] | None = None) -> Any:
        deadline = time.monotonic() + RUN_S
        sent: dict[str, Any] = {"json": body or {}} if method == "POST" else {}
        while True:
            try:
                answer = httpx.request(method, f"{self.address}/{what}", timeout=60, **sent)
            except httpx.TimeoutException:
                # on a machine with other work; a run must not be asked for twice
                if "create" in what or time.monotonic() > deadline:
                    raise
                continue
            # the server's sqlite is busy with what was just deployed
            if answer.status_code != 503 or time.monotonic() > deadline:
                answer.raise_for_status()
                return answer.json()
            time.sleep(0.5)


def wait_until(happened: Callable[[], bool], timeout_s: float, said: Callable[[], str]) -> float:
    """Wait, and return how long that took in seconds; past the timeout it fails with what was said."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() < started + timeout_s, said()
        time.sleep(0.2)
    return time.monotonic() - started


@pytest.fixture(scope="module", params=["local", "cluster"])
def site(
    request: pytest.FixtureRequest, prefect_server: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(request.param)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**prefect_server, "KWS_HOME": str(folder), "PATH": path}
    for command in (
        ["work-pool", "create", POOL, "--type", "process", "--overwrite"],
        ["--no-prompt", "deploy", "--prefect-file", str(FILE), "--name", "retrain"],
    ):
        made = run_command([PREFECT, *command], folder, RUN_S, env)
        assert made.status == 0, made.stderr + made.stdout
    with ExitStack() as stack:
        cluster = stack.enter_context(ray_cluster(2)) if request.param == "cluster" else None
        command = [PREFECT, "worker", "start", "--pool", POOL]
        worker = start(command, folder, env | LOOKS_OFTEN | (cluster.env if cluster else {}))
        stack.callback(kill_run, worker)
        wait_until(lambda: "started!" in worker.stdout.read_text(), 120, worker.stderr.read_text)
        time.sleep(2)
        idle = frozenset(tagged_processes(worker.tag))
        yield Site(prefect_server["PREFECT_API_URL"], env, folder, worker, idle, cluster)


@contextmanager
def neighbour(site: Site) -> Iterator[Run | None]:
    """Somebody else at work on the same cluster, if there is one."""
    if site.cluster is None:
        yield None
        return
    run = start([sys.executable, "-c", NEIGHBOUR], site.folder, site.cluster.env)
    try:
        wait_until(lambda: bool(run.stdout.read_text()), 120, run.stderr.read_text)
        yield run
    finally:
        kill_run(run)


def result_files(store: Path) -> dict[str, str]:
    """SHA-256 of all datasets, of the encoder and of the bundle."""
    return {
        name: digest
        for name, (digest, _) in store_files(store).items()
        if name.startswith(("parts/", "manifests/", "objects/encoder/", "objects/bundle/"))
        and not Path(name).name.startswith(".")
    }


def test_a_cancelled_run_leaves_nothing_at_work_and_the_next_goes_on(site: Site, tmp_path: Path) -> None:
    write_preset(tmp_path / "undisturbed" / "tiny.yaml", EXPERIMENT)
    write_preset(tmp_path / "cancelled" / "tiny.yaml", EXPERIMENT)
    assert site.end(site.begin(tmp_path / "undisturbed")) == "Completed", site.said()
    wait_until(lambda: not site.left(), GONE_S, lambda: f"{site.left()} are left of a run that completed")

    store, whole = (tmp_path / name / NAME / "store" for name in ("cancelled", "undisturbed"))
    for kind in ("parts", "manifests"):
        for dataset in (name for name in FOUND if (whole / kind / name).exists()):
            shutil.copytree(whole / kind / dataset, store / kind / dataset)
    with neighbour(site) as other:
        for stage, is_reached in MOMENTS.items():
            run = site.begin(tmp_path / "cancelled")
            wait_until(partial(is_reached, store), RUN_S, site.said)
            site.cancel(run)
            ended = wait_until(partial(site.is_cancelled, run), GONE_S, site.said)
            assert site.state(run)["name"] == "Cancelled"
            assert not list(store.glob(FINISHED[stage])), f"{stage} was over before it could be cancelled"
            gone = wait_until(lambda: not site.left(), GONE_S, lambda: titles(site.left()))
            print(f"\ncancelled in {stage}: ended after {ended:.1f} s, its processes {gone:.1f} s later")
            if site.cluster is not None and other is not None:
                wait_until(lambda: nothing_is_held(site.cluster), GONE_S, lambda: json.dumps(held(site.cluster)))
                counted = len(other.stdout.read_text().splitlines())
                wait_until(partial(says_more, other, counted), 30, other.stderr.read_text)
        assert site.end(site.begin(tmp_path / "cancelled")) == "Completed", site.said()
    assert result_files(store) == result_files(whole)
    assert not list((store / "searches").glob("*"))


def says_more(run: Run, lines: int) -> bool:
    """Whether a program has said more than so many lines."""
    return len(run.stdout.read_text().splitlines()) > lines


def held(cluster: Cluster | None) -> dict[str, Any]:
    """Placement groups of a cluster, and its resources."""
    assert cluster is not None
    done = run_command([sys.executable, "-c", HELD], cluster.folder, 120, cluster.env)
    assert done.status == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def nothing_is_held(cluster: Cluster | None) -> bool:
    """Whether a cluster has no placement group and all of its CPUs are free."""
    found = held(cluster)
    return not found["groups"] and found["free"].get("CPU") == found["all"]["CPU"]


def titles(processes: set[int]) -> str:
    """What processes are called."""
    found = []
    for process in processes:
        try:
            content = (Path("/proc") / str(process) / "cmdline").read_bytes()
        except OSError:  # gone meanwhile
            continue
        found.append(f"{process} {content.decode(errors='replace').replace(chr(0), ' ')[:200]}")
    return "\n".join(found)
