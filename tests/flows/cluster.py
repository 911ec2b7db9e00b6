"""A Ray cluster of several nodes on loopback, each a process of `ray start` with its own share of the work."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from experiments import Run, kill_run, run_command, start, tagged_processes
from servers import BIN, free_port

OBJECT_STORE_BYTES = 200_000_000
START_ATTEMPTS = 5
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # Ray's workers give way to all else: on a machine with other work they would hardly run
    "RAY_worker_niceness": "0",
    # a lost node is known after seconds rather than half a minute
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass
class Cluster:
    """A head, which has no CPUs for work where none are given, and workers."""

    folder: Path
    """Short, for the sockets of Ray lie below it."""
    port: int
    head: Run
    workers: list[Run] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where nodes and drivers find it."""
        return f"127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """Environment of nodes and drivers: who has the token may join."""
        token = str(self.folder / "token")
        return {**SETTINGS, "RAY_AUTH_TOKEN_PATH": token, "RAY_TMPDIR": str(self.folder), "RAY_ADDRESS": self.address}

    def add_workers(self, count: int) -> None:
        """Start nodes, one after the other, and wait until they have joined."""
        options = [f"--address={self.address}", "--num-cpus=1"]
        for _ in range(count):
            assert self.head.process.poll() is None, self.head.stdout.read_text()
            self.workers.append(_joined_node(self.folder, self.env, options))

    def lose(self, worker: Run) -> None:
        """SIGKILL a node: its daemons and all that runs on it."""
        self.workers.remove(worker)
        kill_run(worker)

    def busy_workers(self) -> list[Run]:
        """The nodes on which something runs."""
        return [worker for worker in self.workers if any(_is_work(title) for title in _titles(worker))]

    def admits(self, token: Path) -> bool:
        """Whether it answers to who has this token."""
        command = [str(BIN / "ray"), "status", f"--address={self.address}"]
        said = run_command(command, self.folder, 300, {**self.env, "RAY_AUTH_TOKEN_PATH": str(token)})
        assert said.status == 0 or "Authentication token" in said.stderr, said.stderr
        return said.status == 0

    def stop(self) -> None:
        """Kill what is left, and delete its logs."""
        for node in (*self.workers, self.head):
            kill_run(node)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def ray_cluster(workers: int, head_cpus: int = 0) -> Iterator[Cluster]:
    """Start a head and workers of one CPU each, without a dashboard; nothing of them is left when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="kws"))
    (folder / "token").write_text(secrets.token_hex(32))
    port = free_port()
    env = {**SETTINGS, "RAY_AUTH_TOKEN_PATH": str(folder / "token"), "RAY_TMPDIR": str(folder)}
    ports = [f"--port={port}", f"--ray-client-server-port={free_port()}"]
    head = ["--head", f"--num-cpus={head_cpus}", "--include-dashboard=false", *ports]
    cluster = Cluster(folder, port, _joined_node(folder, env, head))
    try:
        cluster.add_workers(workers)
        yield cluster
    finally:
        cluster.stop()


def _joined_node(folder: Path, env: dict[str, str], options: list[str]) -> Run:
    """Start a node; again when it was too slow, since Ray gives a node 30 s, which a busy machine may not have."""
    same = ["--node-ip-address=127.0.0.1", f"--object-store-memory={OBJECT_STORE_BYTES}", "--block"]
    agents = [f"--dashboard-agent-listen-port={free_port()}"]
    for _ in range(START_ATTEMPTS):
        node = start([str(BIN / "ray"), "start", *options, *same, *agents], folder, env)
        while node.process.poll() is None:
            if "Ray runtime started" in node.stdout.read_text():
                return node
            time.sleep(0.1)
        kill_run(node)
    raise AssertionError(node.stderr.read_text())


def _is_work(title: str) -> bool:
    """Whether a process is a worker of Ray that has a task or an actor."""
    return title.startswith("ray::") and not title.startswith(
        ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
    )


def _titles(node: Run) -> list[str]:
    found = []
    for process in tagged_processes(node.tag):
        with suppress(OSError):  # gone meanwhile
            found.append((Path("/proc") / str(process) / "cmdline").read_bytes().decode(errors="replace"))
    return found
