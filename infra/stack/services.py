"""The services of the stack, with their addresses and keys: those of `compose.yaml`, on ports that are free."""

import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from flows.quiet import SETTINGS
from infra.stack.postgres import USER, postgres
from infra.stack.service import Service, answers, says
from kws_core.errors import ClusterError

BIN = Path(sys.executable).parent
POOL = "kws-process"
WORKER_STOP_S = 5.0
"""Prefect's worker (3.8.8) hangs on SIGTERM once it has been idle for minutes; without a run it has nothing to lose."""
OBJECT_STORE_BYTES = 200_000_000
RAY_WORKERS = 2
BUCKETS = ("kws", "mlflow")
POSTGRES, S3, PREFECT, MLFLOW, SERVE = "postgres", "s3", "prefect", "mlflow", "serve"
RAY_HEAD, DASHBOARD, WORKER = "ray-head", "ray-dashboard", "worker"
FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Ray's workers have the ports below, the system gives those above to whoever asks for any."""
_HEAD = ["--head", "--num-cpus=0", "--include-dashboard=true", "--dashboard-host=127.0.0.1"]


def _key() -> str:
    return secrets.token_urlsafe(24)


def free_port() -> int:
    """A port of loopback that nobody listens on, and that nobody is given by chance.

    Raises:
        ClusterError: all that were tried are taken.
    """
    for _ in range(100):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
    raise ClusterError(f"no free port was found between {FIRST_PORT} and {LAST_PORT}")


@dataclass(frozen=True)
class Layout:
    """Where everything of one stack is: folders, ports, and keys made for it alone."""

    temporary: Path
    """Databases and sessions; short, for the sockets of Ray lie below it, and deleted at the end."""
    kept: Path
    """Logs, and `home/` with the workspaces of runs."""
    ports: Mapping[str, int] = field(
        default_factory=lambda: {
            name: free_port() for name in (POSTGRES, S3, PREFECT, MLFLOW, RAY_HEAD, DASHBOARD, SERVE)
        }
    )
    password: str = field(default_factory=_key, repr=False)
    s3_key: str = field(default_factory=_key, repr=False)
    s3_secret: str = field(default_factory=_key, repr=False)
    ray_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    serve_token: str = field(default_factory=_key, repr=False)

    def url(self, name: str, path: str = "") -> str:
        """Address of a service."""
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def database(self, driver: str, name: str) -> str:
        """Address of a database, with its password."""
        return f"{driver}://{USER}:{self.password}@127.0.0.1:{self.ports[POSTGRES]}/{name}"

    @property
    def home(self) -> Path:
        """`KWS_HOME`: where runs work."""
        return self.kept / "home"

    def log(self, name: str) -> Path:
        """What a service said."""
        return self.kept / "logs" / f"{name}.log"

    @property
    def base(self) -> dict[str, str]:
        """Environment that every service has."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        places = {"PREFECT_HOME": str(self.temporary / "prefect"), "TMPDIR": str(self.temporary / "tmp")}
        quiet = {name: value for name, value in SETTINGS.items() if not name.startswith("PREFECT_LOGGING")}
        path = os.pathsep.join([str(BIN), os.environ["PATH"]])
        return {**kept, **quiet, **places, "PATH": path, "COLUMNS": "200"}

    @property
    def s3(self) -> dict[str, str]:
        """Environment of who reads and writes S3."""
        keys = {"AWS_ACCESS_KEY_ID": self.s3_key, "AWS_SECRET_ACCESS_KEY": self.s3_secret}
        return {**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.url(S3)}

    @property
    def ray(self) -> dict[str, str]:
        """Environment of Ray's nodes and drivers: who has the token may join."""
        mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.temporary / "token")}
        # nodes that are stopped together have no work to hand over
        at_once = {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
        # Ray's workers give way to all else: beside everything on one machine they would hardly run
        share = {"RAY_worker_niceness": "0"}
        return {**mode, **at_once, **share, "RAY_TMPDIR": str(self.temporary)}

    @property
    def client(self) -> dict[str, str]:
        """Environment of who runs flows."""
        return {
            **self.base,
            **self.s3,
            **self.ray,
            "PREFECT_API_URL": self.url(PREFECT, "/api"),
            "MLFLOW_TRACKING_URI": self.url(MLFLOW),
            "RAY_ADDRESS": f"127.0.0.1:{self.ports[RAY_HEAD]}",
            "KWS_STORE": "s3://kws/store",
            "KWS_HOME": str(self.home),
        }


def services(layout: Layout) -> list[Service]:
    """All that runs before there is a champion to serve; Postgres' files are made."""
    ports = layout.ports
    return [
        postgres(layout.temporary / "postgres", layout.log(POSTGRES), ports[POSTGRES], layout.password),
        _service(
            layout,
            S3,
            ["moto_server", "-H", "127.0.0.1", "-p", str(ports[S3])],
            layout.base,
            answers(layout.url(S3)),
        ),
        _ray_node(layout, RAY_HEAD, [*_HEAD, *_head_ports(ports)]),
        _prefect(layout),
        _mlflow(layout),
        *(
            _ray_node(
                layout,
                f"ray-worker-{number}",
                [f"--address=127.0.0.1:{ports[RAY_HEAD]}", "--num-cpus=1"],
                # one after the other: two that join at once from one machine disturb each other
                needs=(RAY_HEAD if number == 1 else f"ray-worker-{number - 1}",),
            )
            for number in range(1, RAY_WORKERS + 1)
        ),
        _worker(layout),
    ]


def serving(layout: Layout, name: str) -> Service:
    """The service that answers with the champion of a registered model."""
    return _service(
        layout,
        SERVE,
        ["kws", "serve", f"models:/{name}@champion", "--host", "127.0.0.1", "--port", str(layout.ports[SERVE])],
        {**layout.base, "MLFLOW_TRACKING_URI": layout.url(MLFLOW), "KWS_TOKEN": layout.serve_token},
        answers(layout.url(SERVE, "/health")),
        needs=(MLFLOW,),
    )


def _service(
    layout: Layout,
    name: str,
    command: list[str],
    env: Mapping[str, str],
    is_ready: Callable[[Service], bool],
    needs: tuple[str, ...] = (),
    prepare: Callable[[], None] = lambda: None,
) -> Service:
    program = str(BIN / command[0])
    return Service(name, [program, *command[1:]], env, layout.home, layout.log(name), is_ready, needs, prepare)


def _prefect(layout: Layout) -> Service:
    port = layout.ports[PREFECT]
    return _service(
        layout,
        PREFECT,
        ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        {
            **layout.base,
            "PREFECT_API_DATABASE_CONNECTION_URL": layout.database("postgresql+asyncpg", "prefect"),
            # its pages ask port 4200 of this machine otherwise
            "PREFECT_UI_API_URL": "/api",
        },
        answers(layout.url(PREFECT, "/api/health")),
        needs=(POSTGRES,),
    )


def _mlflow(layout: Layout) -> Service:
    port = layout.ports[MLFLOW]
    hosts = f"127.0.0.1:{port},localhost:{port}"
    options = ["--artifacts-destination", "s3://mlflow/artifacts", "--allowed-hosts", hosts, "--workers", "1"]
    return _service(
        layout,
        MLFLOW,
        ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *options],
        {**layout.base, **layout.s3, "MLFLOW_BACKEND_STORE_URI": layout.database("postgresql", "mlflow")},
        answers(layout.url(MLFLOW, "/health")),
        needs=(POSTGRES, S3),
        prepare=lambda: _make_buckets(layout),
    )


def _worker(layout: Layout) -> Service:
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    needs = (PREFECT, MLFLOW, RAY_HEAD)
    made = _service(layout, WORKER, command, layout.client, says("started!"), needs)
    made.stop_s = WORKER_STOP_S
    return made


def _ray_node(layout: Layout, name: str, options: list[str], needs: tuple[str, ...] = ()) -> Service:
    node = ["--node-ip-address=127.0.0.1", f"--object-store-memory={OBJECT_STORE_BYTES}", "--block"]
    agent = f"--dashboard-agent-listen-port={free_port()}"
    env = {**layout.base, **layout.s3, **layout.ray}
    return _service(layout, name, ["ray", "start", *options, *node, agent], env, says("Ray runtime started"), needs)


def _head_ports(ports: Mapping[str, int]) -> list[str]:
    """All that would be the same for every cluster of a machine."""
    # nobody uses ray:// addresses, but the server for them cannot be left out
    client = f"--ray-client-server-port={free_port()}"
    return [f"--port={ports[RAY_HEAD]}", f"--dashboard-port={ports[DASHBOARD]}", client]


def _make_buckets(layout: Layout) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=layout.url(S3),
        region_name="us-east-1",
        aws_access_key_id=layout.s3_key,
        aws_secret_access_key=layout.s3_secret,
    )
    for name in BUCKETS:
        client.create_bucket(Bucket=name)
