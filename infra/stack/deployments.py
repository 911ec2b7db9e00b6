"""The deployments of `prefect.yaml` on the stack's Prefect server: registered, scheduled and watched."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from infra.stack.services import BIN, PREFECT, Layout
from kws_core.errors import ClusterError

FILE = Path(__file__).parents[1] / "prefect.yaml"
COMMAND_S = 300.0
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
AHEAD = timedelta(seconds=75)
"""The scheduler looks once a minute for what is due."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    name: str
    state: str
    message: str
    seconds: float


def deploy(layout: Layout) -> None:
    """Register every deployment of the file; again where they are there."""
    prefect(layout, "--no-prompt", "deploy", "--all", "--prefect-file", str(FILE))


def schedule_soon(layout: Layout, deployment: str) -> datetime:
    """Replace the schedule of a deployment by a cron one that is due once, in 75 s or more; returns when (UTC)."""
    due = (datetime.now(UTC) + AHEAD + timedelta(minutes=1)).replace(second=0, microsecond=0)
    cron = f"{due.minute} {due.hour} {due.day} {due.month} *"
    options = ["--cron", cron, "--timezone", "UTC", "--replace", "--accept-yes"]
    prefect(layout, "deployment", "schedule", "create", deployment, *options)
    return due


def watch(layout: Layout, deployment: str, due: datetime, tell: Callable[[str], None], timeout_s: float) -> Outcome:
    """Wait for the run that is due then (UTC), and for its end; `tell` takes a line for each of its states.

    Raises:
        ClusterError: the scheduler made no run, or the run did not end in time.
    """
    begun = time.monotonic()
    told: set[str] = set()
    state = "no run"
    while time.monotonic() - begun < timeout_s:
        for run in _ask(layout, "flow_runs/filter", deployments={"name": {"any_": [deployment.partition("/")[2]]}}):
            if not run["auto_scheduled"] or datetime.fromisoformat(run["expected_start_time"]) != due:
                continue
            state = run["state"]["name"]
            if state not in told:
                tell(f"{_clock()} {deployment} {run['name']}: {state}")
                told.add(state)
            if run["state"]["type"] in ENDED:
                return Outcome(run["name"], state, run["state"]["message"] or "", run["total_run_time"])
        time.sleep(1)
    raise ClusterError(f"{deployment}: {state} after {timeout_s:.0f} s")


def prefect(layout: Layout, *arguments: str) -> str:
    """Run a `prefect` command as a client of the stack; returns what it said, raises `ClusterError` where it fails."""
    done = subprocess.run(  # noqa: S603
        [str(BIN / "prefect"), *arguments],
        cwd=layout.home,
        env=layout.client,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode:
        raise ClusterError(f"prefect {' '.join(arguments)}: {' '.join((done.stderr or done.stdout).split())[-500:]}")
    return done.stdout


def _ask(layout: Layout, what: str, **body: Any) -> list[dict[str, Any]]:
    answer = httpx.post(layout.url(PREFECT, f"/api/{what}"), json=body, timeout=60)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _clock() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S")
