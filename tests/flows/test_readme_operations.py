"""The commands of the README's sections on operations, run as they stand there on a real stack of services."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from experiments import tiny_experiment, write_preset

from infra.stack import services
from infra.stack.services import BIN, WORKER, Layout
from infra.stack.stack import Stack, stack

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_S = 580.0
NAME = "my-keywords"
WIDE_GATE = {
    **tiny_experiment()["gate"],
    "frr_margin": 1.0,
    "accuracy_margin": 1.0,
    "false_alarm_margin": 1000.0,
    "keyword_margin": 1.0,
    "speaker_margin": 1.0,
}
"""Lets every version in: what is tested is the commands, not the models."""


def section_commands(title: str) -> list[str]:
    """The commands of a section, without comments; of a crontab's line what it runs."""
    (text,) = re.findall(rf"^## {title}\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^    (?:[\d*]+ [\d*]+ [\d*]+ [\d*]+ [\d*]+  )?((?:export|cd|kws|prefect) \S.*?)(?:  +#.*)?$", text, re.MULTILINE)  # fmt: skip  # noqa: E501
    assert lines, title
    return lines


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without its worker, which the README's command starts."""
    folder = tmp_path_factory.mktemp("operations")
    with stack(folder) as made:
        del made.services[WORKER]
        made.up(print)
        home = made.layout.home
        write_preset(home / "my.yaml", tiny_experiment(name=NAME))
        (home / ".venv").mkdir()
        (home / ".venv" / "bin").symlink_to(BIN)
        (home / "infra").symlink_to(ROOT / "infra")
        yield made


class Terminal:
    """A shell in `KWS_HOME` of the stack that keeps what was exported."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        keep = ("PATH", "HOME", "PREFECT_HOME", "AWS_")
        self.env = {name: value for name, value in layout.client.items() if name.startswith(keep)}
        # where the README has what a user has, the stack has its own
        self._ours = {
            "http://127.0.0.1:4200/api": layout.url(services.PREFECT, "/api"),
            "http://127.0.0.1:5000": layout.url(services.MLFLOW),
            "127.0.0.1:6379": layout.client["RAY_ADDRESS"],
            "/srv/kws/ray-token": layout.ray["RAY_AUTH_TOKEN_PATH"],
            "/srv/kws": str(layout.home),
        }

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of the README, which has to succeed."""
        line = self.ours(line)
        if line.startswith("export "):
            self.env.update(word.split("=", 1) for word in shlex.split(line)[1:])
            return subprocess.CompletedProcess(line, 0, "", "")
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self._layout.home,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done

    def ours(self, line: str) -> str:
        """The line with the stack's addresses."""
        for theirs, ours in self._ours.items():
            line = line.replace(theirs, ours)
        return line


def aliases(layout: Layout) -> dict[str, str]:
    """Version of each alias, asked of the registry itself."""
    address = layout.url(services.MLFLOW, "/api/2.0/mlflow/registered-models/get")
    answer = httpx.get(address, params={"name": NAME}, timeout=60)
    answer.raise_for_status()
    return {one["alias"]: one["version"] for one in answer.json()["registered_model"]["aliases"]}


@pytest.mark.slow
def test_schedule_scale_promote_and_roll_back(running: Stack) -> None:
    layout = running.layout
    terminal = Terminal(layout)
    cron, *schedule = section_commands("Schedule it")
    scale = section_commands("Scale it out")
    assert cron.startswith("cd /srv/kws && .venv/bin/kws retrain")

    # scale out first: it makes the version that the others show
    exports, (retrain,) = [line for line in scale if line.startswith("export")], scale[2:]
    for line in exports:
        terminal.type(line)
    terminal.type(retrain)
    assert aliases(layout) == {"challenger": "1", "champion": "1"}
    objects = layout.s3
    client = boto3.client(
        "s3",
        endpoint_url=objects["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=objects["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=objects["AWS_SECRET_ACCESS_KEY"],
    )
    assert client.list_objects_v2(Bucket="kws", Prefix="store/manifests/")["KeyCount"] > 5

    # cron, with a change, so that there is a second version
    terminal.env["KWS_STORE"] = "s3://kws/store"
    changed = tiny_experiment(name=NAME, training={"epochs": 3}, gate=WIDE_GATE)
    write_preset(layout.home / "my.yaml", changed)
    terminal.type(cron)
    assert aliases(layout) == {"challenger": "2", "champion": "2", "previous": "1"}

    worker = next(line for line in schedule if "worker start" in line)
    for line in schedule:
        if line == worker:
            program = shlex.split(terminal.ours(line))
            env = {**layout.client, **terminal.env}
            command = [str(BIN / program[0]), *program[1:]]
            ready = services.says("started!")
            running.add(services.Service(WORKER, command, env, layout.home, layout.log(WORKER), ready))
        elif line.startswith("kws gc"):
            told = terminal.type(line).stdout
            assert told
        elif line.startswith("kws status"):
            assert "champion" in terminal.type(line).stdout
        else:
            terminal.type(line)
    names = httpx.post(layout.url(services.PREFECT, "/api/deployments/filter"), json={}, timeout=60).json()
    assert {"retrain", "ingest", "promote", "rollback"} <= {one["name"] for one in names}

    promote = section_commands("Promote and roll back")
    assert [line.split()[1] for line in promote] == ["history", "rollback", "promote"]
    history, rollback, by_hand = promote
    assert "to champion" in terminal.type(history).stdout
    terminal.type(rollback)
    assert aliases(layout)["champion"] == "1"
    terminal.type(by_hand)
    assert aliases(layout)["champion"] == "2"
    assert terminal.type(history).stdout.count("rollback") == 1
