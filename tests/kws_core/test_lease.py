"""Leases on a local store and on S3: one holder at a time, whatever ends the one before."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kws_core import lease as leases
from kws_core.errors import StoreError
from kws_core.files import Files
from kws_core.lease import only_holder
from kws_core.process_identity import has_ended, this_process

HOLD = """
import sys, time
from kws_core.files import Files
from kws_core.lease import only_holder
with only_holder(Files(sys.argv[1]), "work", lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""
COUNT = """
import sys, time
from pathlib import Path
from kws_core import lease
from kws_core.files import Files
lease.POLL_S = 0.01
count = Path(sys.argv[2])
for _ in range(5):
    with lease.only_holder(Files(sys.argv[1]), "work", lambda: None):
        number = int(count.read_text())
        time.sleep(0.01)
        count.write_text(str(number + 1))
"""


@pytest.fixture(params=["local", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(leases, "POLL_S", 0.05)
    root = str(tmp_path / "store") if request.param == "local" else f"{request.getfixturevalue('s3_url')}/prefix"
    return Files(root)


def held_elsewhere(files: Files, process: str, number: int = 1) -> None:
    files.write(f"leases/work/{number:08d}.json", json.dumps({"token": "other", "process": process}).encode())
    files.write("leases/work/other.beat", b"1")


def take(files: Files) -> list[str]:
    """Take the lease and let it go; what was said."""
    said: list[str] = []
    with only_holder(files, "work", lambda: said.append("waits")) as lease:
        lease.check()
    return said


def test_nothing_is_left_and_nobody_waits_where_nobody_holds(files: Files) -> None:
    assert take(files) == []
    assert take(files) == []
    assert files.names("leases") == []


def test_the_second_waits_for_the_first(files: Files) -> None:
    events: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with only_holder(files, "work", waits.set):
            events.append("second")

    with only_holder(files, "work", lambda: None):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(20)
        time.sleep(0.3)
        events.append("first")
        with only_holder(files, "other work", lambda: None):  # nobody is in the way of that
            events.append("other")
    thread.join(20)
    assert events == ["first", "other", "second"]
    assert files.names("leases") == []


def test_the_next_one_comes_after_an_error(files: Files) -> None:
    with pytest.raises(ZeroDivisionError), only_holder(files, "work", lambda: None):
        raise ZeroDivisionError
    assert take(files) == []


def test_a_killed_process_of_this_machine_is_followed_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
        # not waited for: a zombie has ended too
        began = time.monotonic()
        take(Files(str(tmp_path)))
        assert time.monotonic() - began < leases.LEASE_S / 4
    assert Files(str(tmp_path)).names("leases") == []


def test_a_silent_holder_of_another_machine_is_given_up(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 1.0)
    held_elsewhere(files, "another-boot pid:[1] 1 1", number=7)
    began = time.monotonic()
    assert take(files) == ["waits"]
    assert time.monotonic() - began >= 1.0
    assert files.names("leases") == []


def test_a_holder_of_another_machine_that_beats_is_waited_for(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 1.0)
    held_elsewhere(files, "another-boot pid:[1] 1 1")
    thread = threading.Thread(target=take, args=(files,))
    thread.start()
    for beat in range(8):  # longer than the other one's silence may last
        time.sleep(0.2)
        files.write("leases/work/other.beat", str(beat).encode())
        assert thread.is_alive()
    files.remove(["leases/work/00000001.json"])
    thread.join(20)
    assert not thread.is_alive()


def test_a_holder_that_was_silent_too_long_learns_it(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.1)
    with only_holder(files, "work", lambda: None) as lease:
        lease.check()
        held_elsewhere(files, "another-boot pid:[1] 1 1", number=2)
        time.sleep(1.5)
        with pytest.raises(StoreError, match="another process took over work, because this one was silent for 60 s"):
            lease.check()
    # what the other one holds is left to it
    assert "leases/work/00000002.json" in files.names("leases")
    assert "leases/work/other.beat" in files.names("leases")


def test_a_beating_holder_keeps_its_lease(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.1)
    with only_holder(files, "work", lambda: None) as lease:
        (beat,) = [name for name in files.names("leases") if name.endswith(".beat")]
        before = files.read(beat)
        time.sleep(1)
        lease.check()
        assert files.read(beat) != before


def test_what_cannot_be_understood_is_given_up_when_silent(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 0.5)
    files.write("leases/work/00000003.json", b"{")
    assert take(files) == ["waits"]


def test_many_processes_never_hold_it_at_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path / "store"), str(count)]
    running = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    assert count.read_text() == "20"


def test_a_lease_whose_answer_was_lost_is_held(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    create = Files.create

    def refused_when_tried_again(self: Files, name: str, content: bytes) -> bool:
        return create(self, name, content) and create(self, name, content)

    monkeypatch.setattr(Files, "create", refused_when_tried_again)
    assert take(files) == []
    assert files.names("leases") == []


def test_a_process_is_told_from_another_with_its_number() -> None:
    ours = this_process()
    assert not has_ended(ours)
    boot, namespace, number, started = ours.split()
    assert int(number) == os.getpid()
    assert has_ended(f"{boot} {namespace} {number} {int(started) + 1}")  # its number was given to another
    assert not has_ended(f"other-boot {namespace} {number} 0")
    assert not has_ended(f"{boot} pid:[1] {number} 0")
    assert not has_ended("")
    assert not has_ended("nonsense of four words")
