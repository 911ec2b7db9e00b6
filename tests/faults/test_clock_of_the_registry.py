"""MLflow's clock jumps by an hour or a day: moves stay in order, locks are neither ignored nor kept for ever."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from experiments import kill_run, start
from fake_clock import DAY_S, HOUR_S, FakeClock
from fault_rows import Row, note
from servers import BIN, free_port, wait_for_answer

from kws_core.errors import RegistryError
from tasks import move_lock, registry
from tasks.decisions import decisions
from tasks.move import current_aliases, decide_under_lock, roll_back, to_champion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
JUMPS = {"an hour forward": HOUR_S, "an hour back": -HOUR_S, "a day forward": DAY_S, "a day back": -DAY_S}


@dataclass
class Registry:
    """An MLflow server with a clock of its own, and a model of three versions on it."""

    uri: str
    clock: FakeClock
    name: str = ""

    def promote(self, version: str, while_deciding: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Make a version champion."""

        def decide(now: dict[str, str]) -> dict[str, Any]:
            while_deciding()
            return {"kind": "promotion", "aliases": to_champion(version, now), "reason": f"version {version}"}

        return decide_under_lock(registry.client(self.uri), self.name, version, decide)

    def aliases(self) -> dict[str, str]:
        return current_aliases(registry.client(self.uri), self.name)

    def history(self) -> list[str]:
        """What was decided, in the order that `kws history` shows."""
        return [made["reason"] for made in decisions(registry.versions(registry.client(self.uri), self.name))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    clock, port = FakeClock(folder / "offset"), free_port()
    options = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"]
    command = [str(BIN / "mlflow"), "server", *options, "--host", "127.0.0.1", "--port", str(port)]
    process = start(command, folder, clock.env)
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(f"{uri}/health", process)
        yield Registry(uri, clock)
    finally:
        kill_run(process)


@pytest.fixture
def served(server: Registry) -> Registry:
    server.clock.set(0)
    server.name = f"words-{uuid.uuid4().hex[:8]}"
    client = registry.client(server.uri)
    client.create_registered_model(server.name)
    for version in range(3):
        client.create_model_version(server.name, f"kws-foundry:/{version}")
    return server


@pytest.mark.parametrize("jump", JUMPS)
def test_moves_before_and_after_a_jump(jump: str, served: Registry) -> None:
    served.promote("1")
    began = time.monotonic()
    served.clock.set(JUMPS[jump])
    served.promote("2")
    served.promote("3")
    served.clock.set(0)
    roll_back(registry.client(served.uri), served.name)
    took = time.monotonic() - began
    assert served.aliases() == {"champion": "2", "previous": "3"}
    assert served.history() == ["version 1", "version 2", "version 3", "rolled back from version 3"]
    note(Row(6, f"MLflow's clock {jump} and right again", "between moves", "nothing", "by itself", took))


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_after_a_mover_was_killed(jump: str, served: Registry) -> None:
    class Killed(BaseException):
        """Nothing of the process runs after it."""

    def dies(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.move._carry_out", dies)
        with pytest.raises(Killed):
            served.promote("1")
    assert served.aliases() == {}
    served.clock.set(JUMPS[jump])
    began = time.monotonic()
    served.promote("2")
    took = time.monotonic() - began
    # what the killed one had decided was carried out first
    assert served.aliases() == {"champion": "2", "previous": "1"}
    assert served.history() == ["version 1", "version 2"]
    assert took < move_lock.WAIT_S
    note(Row(6, f"a mover killed, then MLflow's clock {jump}", "promote", "nothing", "by itself", took))


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_while_one_moves_and_another_waits(jump: str, served: Registry) -> None:
    second = threading.Thread(target=served.promote, args=("2",))

    def jump_meanwhile() -> None:
        served.clock.set(JUMPS[jump])
        second.start()
        time.sleep(3)

    said = "nothing"
    began = time.monotonic()
    try:
        served.promote("1", jump_meanwhile)
    except RegistryError as error:
        said = str(error)
        assert said.startswith(f"another process took over the move of {served.name}")
    second.join()
    took = time.monotonic() - began
    # the first was told that it has lost its turn and moved nothing, or both moved, one after the other
    if said == "nothing":
        assert served.aliases() == {"champion": "2", "previous": "1"}
        assert served.history() == ["version 1", "version 2"]
    else:
        assert served.aliases() == {"champion": "2"}
        assert served.history() == ["version 2"]
        served.promote("1")
        assert served.aliases() == {"champion": "1", "previous": "2"}
    ended = "by itself" if said == "nothing" else "1 rerun"
    note(Row(6, f"MLflow's clock {jump} while another mover waits", "promote", said, ended, took))
