"""Aliases, decisions and the lock on a real MLflow registry in sqlite; killed anywhere, and out of reach."""

import logging
import math
import shutil
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from flows.moves import move
from kws_core.errors import BundleError, RegistryError
from kws_core.store import Store
from tasks import move_lock, registry
from tasks.decisions import decisions, key_of, publish
from tasks.move import current_aliases, decide_under_lock, finish_moves, roll_back, to_champion
from tasks.move_lock import only_mover, tickets_of
from tasks.promote_by_hand import promote_by_hand
from tasks.registry_waits import CLIENT, OneLineOfWaiting, say_waits_once


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A registry with three versions, whose tables took seconds to make."""
    folder = tmp_path_factory.mktemp("registry")
    client = registry.client(f"sqlite:///{folder / 'mlflow.db'}")
    client.create_registered_model("kws")
    model = folder / "model"
    model.mkdir()
    for number in range(3):
        run = client.create_run("0").info.run_id
        client.create_model_version("kws", str(model), run, tags={registry.BUNDLE_TAG: f"bundle-{number // 2}"})
    return folder / "mlflow.db"


@pytest.fixture
def client(database, tmp_path):
    shutil.copy(database, tmp_path / "mlflow.db")
    return registry.client(f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def short_lease(monkeypatch):
    monkeypatch.setattr(move_lock, "LEASE_S", 0.05)
    monkeypatch.setattr(move_lock, "POLL_S", 0.02)


def crown(client, version):
    """Make a version champion, as a gate would."""
    content = {"kind": "gate", "reason": f"version {version} is better"}
    return decide_under_lock(client, "kws", version, lambda now: {**content, "aliases": to_champion(version, now)})


def tickets(client):
    return client.search_model_versions(f"name='{tickets_of('kws')}'")


def test_the_former_champion_becomes_previous_and_comes_back(client):
    assert crown(client, "1")["champion_before"] is None
    assert current_aliases(client, "kws") == {"champion": "1"}
    crown(client, "2")
    assert current_aliases(client, "kws") == {"champion": "2", "previous": "1"}
    made = roll_back(client, "kws")
    assert (made["model_version"], made["reason"]) == ("1", "rolled back from version 2")
    assert current_aliases(client, "kws") == {"champion": "1", "previous": "2"}
    found = decisions(registry.versions(client, "kws"))
    assert [(one["kind"], one["model_version"]) for one in found] == [("gate", "1"), ("gate", "2"), ("rollback", "1")]
    assert found[-1] == made
    assert not tickets(client)


def test_nothing_to_roll_back_to(client):
    with pytest.raises(RegistryError, match="no version with the alias champion"):
        roll_back(client, "kws")
    crown(client, "1")
    with pytest.raises(RegistryError, match="no version with the alias previous"):
        roll_back(client, "kws")
    with pytest.raises(RegistryError, match="no versions of a model 'nobody'"):
        roll_back(client, "nobody")


def test_the_newest_version_of_a_bundle_is_found(client):
    assert str(registry.version_of_bundle(client, "kws", "bundle-0").version) == "2"
    assert str(registry.version_of_bundle(client, "kws", "bundle-1").version) == "3"
    assert registry.version_of_bundle(client, "kws", "another") is None


def test_unknown_models_and_foreign_content_are_refused(client):
    assert registry.version_by_alias(client, "nobody", "champion") is None
    for address in ("models:/kws@champion", "models:/kws/9"):
        with (
            pytest.raises(RegistryError, match=f"{address} cannot be fetched"),
            registry.downloaded(client, address),
        ):
            pass
    crown(client, "1")
    with (
        pytest.raises((RegistryError, BundleError), match=r"it is not ours|cannot be fetched"),
        registry.downloaded(client, "models:/kws@champion"),
    ):
        pass
    for force in (False, True):
        with pytest.raises((RegistryError, BundleError), match=r"it is not ours|cannot be fetched"):
            promote_by_hand(client, "kws", "2", "because", force)
    with pytest.raises(RegistryError, match="no version '9'; it has 1, 2, 3"):
        promote_by_hand(client, "kws", "9", "because")
    with pytest.raises(RegistryError, match="needs a reason"):
        promote_by_hand(client, "kws", "2", " ")
    assert current_aliases(client, "kws") == {"champion": "1"}


def test_a_version_whose_files_lie_outside_is_not_fetched(client, tmp_path):
    model, linked = tmp_path / "model", tmp_path / "linked"
    for folder in (model / "deep", linked):
        folder.mkdir(parents=True)
    (model / "inside.txt").write_text("x")
    (model / "deep" / "own").symlink_to(model / "inside.txt")
    (linked / "key").symlink_to(tmp_path / "mlflow.db")

    def fetch(source):
        version = client.create_model_version("kws", source).version
        with registry.downloaded_model(client, f"models:/kws/{version}") as folder:
            return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    assert fetch(str(model)) == ["deep/own", "inside.txt"]
    for source, told in (
        (str(linked), "has a link to outside, key"),
        (f"{model}/deep/../../linked", r"has \.\. in it"),
        ("ftp://elsewhere.example/model", "is none of the artifacts"),
    ):
        with pytest.raises(RegistryError, match=told):
            fetch(source)


class KilledError(BaseException):
    """Stands for SIGKILL: nothing that catches errors catches it."""


class Mortal:
    """A client of the registry that dies when so many of its writes have reached the registry."""

    def __init__(self, client: Any, writes: int) -> None:
        self._client, self._left = client, writes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not name.startswith(("set_", "create_", "update_", "delete_")):
            return found

        def write(*arguments: Any, **named: Any) -> Any:
            if not self._left:
                raise KilledError
            self._left -= 1
            return found(*arguments, **named)

        return write


WRITES = 13
"""Of a rollback: its ticket 5, its document 1, its aliases 4, its tags 2, and the ticket removed."""
COMMITTED, BETWEEN_THE_ALIASES = 5, 8


@pytest.mark.usefixtures("short_lease")
@pytest.mark.parametrize(
    "writes",
    [
        pytest.param(number, marks=() if number in (COMMITTED, BETWEEN_THE_ALIASES) else pytest.mark.slow)
        for number in range(WRITES)
    ],
)
def test_a_rollback_killed_at_any_write_is_finished_once(client, writes):
    client.set_registered_model_alias("kws", "champion", "2")
    client.set_registered_model_alias("kws", "previous", "1")
    with pytest.raises(KilledError):
        roll_back(Mortal(client, writes), "kws")
    left = current_aliases(client, "kws")
    assert left == {"champion": "2" if writes < 10 else "1", "previous": "1" if writes < BETWEEN_THE_ALIASES else "2"}
    again = roll_back(client, "kws")  # by the same command
    assert decisions(registry.versions(client, "kws")) == [again]
    assert current_aliases(client, "kws") == {"champion": "1", "previous": "2"}
    assert not tickets(client)


@pytest.mark.usefixtures("short_lease")
def test_a_move_that_was_begun_is_finished_by_whoever_comes_next(client):
    crown(client, "1")
    with pytest.raises(KilledError):
        crown(Mortal(client, COMMITTED), "2")
    assert current_aliases(client, "kws") == {"champion": "1"}
    crown(client, "3")
    assert current_aliases(client, "kws") == {"champion": "3", "previous": "2"}
    made = decisions(registry.versions(client, "kws"))
    assert [(one["model_version"], one["champion_before"]) for one in made] == [("1", None), ("2", "1"), ("3", "2")]


def test_whoever_is_late_waits_for_its_turn(client, monkeypatch):
    monkeypatch.setattr(move_lock, "WAIT_S", 0.2)
    monkeypatch.setattr(move_lock, "POLL_S", 0.05)
    with only_mover(client, "kws", lambda intent: None):
        with pytest.raises(RegistryError, match="other processes have moved the aliases of kws"):
            crown(client, "1")
        assert len(tickets(client)) == 1
    assert current_aliases(client, "kws") == {}


@pytest.mark.usefixtures("short_lease")
def test_whoever_was_silent_for_too_long_loses_its_turn(client):
    def stall(now):
        time.sleep(0.1)
        finish_moves(client, "kws")
        return {"kind": "gate", "reason": "too late", "aliases": to_champion("1", now)}

    with pytest.raises(RegistryError, match="another process took over"):
        decide_under_lock(client, "kws", "1", stall)
    assert not tickets(client)
    assert current_aliases(client, "kws") == {}


def test_copies_that_could_not_be_made_are_made_later(client, tmp_path):
    document = crown(client, "1")
    store, versions = Store(str(tmp_path / "store")), registry.versions(client, "kws")
    for _ in range(2):
        publish(client, store, versions)
        assert store.read_document("decision", key_of(document)) == document
    assert len(list((tmp_path / "store" / "documents" / "decision").iterdir())) == 1
    run_id = versions[0].run_id
    assert [entry.path for entry in client.list_artifacts(run_id, "decisions")] == [
        f"decisions/{key_of(document)}.json"
    ]


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_registry_that_does_not_answer_is_told_in_one_sentence(monkeypatch, mute_port):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead_port = free.getsockname()[1]
    for port, cause in ((mute_port, "read timed out"), (dead_port, "connection refused")):
        address = f"http://127.0.0.1:{port}"
        with pytest.raises(
            RegistryError, match=f"^MLflow at {address} did not answer: {cause}; run it again"
        ) as caught:
            move("kws", address, "", lambda client: roll_back(client, "kws"))
        assert "\n" not in str(caught.value)


def test_requests_that_are_tried_again_are_told_of_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    say_waits_once()
    for found in logging.getLogger(CLIENT).filters:  # as if nothing had been said before
        if isinstance(found, OneLineOfWaiting):
            monkeypatch.setattr(found, "_said", -math.inf)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(RegistryError, match="did not answer: connection refused"):
        move("kws", address, "", lambda client: roll_back(client, "kws"))
    said = capfd.readouterr().err
    assert [line.split() for line in said.splitlines()] == ["mlflow does not answer; it is asked again".split()]
