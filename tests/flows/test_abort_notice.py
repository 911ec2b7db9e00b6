"""Commands that end in every way, with a cluster that is there already."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BODY = """
import os, signal, sys, time
from flows.abort_notice import say_when_aborted
end = say_when_aborted(sys.argv[1:])
print(os.getpid(), flush=True)
try:
    BODY
finally:
    end()
"""
CLUSTER = "192.0.2.1:6379"
ROOT = Path(__file__).parents[2]


def command(body: str, name: str = "retrain", address: str = CLUSTER) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BODY.replace("BODY", body), name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "RAY_ADDRESS": address},
    )


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("sys.exit(3)", 3), ("sys.exit(1)", 1)])
def test_it_ends_as_the_command_does(body: str, status: int) -> None:
    process = command(body)
    said, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (status, "")
    assert int(said) != process.pid


@pytest.mark.parametrize("body", ["os.abort()", "os._exit(1)"])  # Ray does both
def test_an_abort_is_one_sentence_in_the_end(body: str) -> None:
    process = command(body)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    *_, last = told.splitlines()
    assert last.startswith("error: Ray ended this command, as it does when the head of the cluster")
    assert CLUSTER in last


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(number: signal.Signals) -> None:
    body = f"signal.signal({int(number)}, lambda *_: sys.exit(7)); print('ready', flush=True); time.sleep(60)"
    process = command(body)
    assert process.stdout is not None
    process.stdout.readline()
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 7


def test_a_command_that_was_terminated_tells_so_by_its_status() -> None:
    process = command("time.sleep(60)")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    os.kill(child, signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (-signal.SIGTERM, "")


def test_nothing_goes_on_when_the_parent_is_killed() -> None:
    process = command("time.sleep(60)")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("name", "address"), [("retrain", "local"), ("serve", CLUSTER), ("--help", CLUSTER)])
def test_without_a_cluster_there_is_one_process(name: str, address: str) -> None:
    process = command("pass", name, address)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, int(said)) == (0, process.pid)
