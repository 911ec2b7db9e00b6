"""Retrains of the tiny experiment on the stack, and the bytes that they leave."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from experiments import KWS, Run, kill_run, start
from fault_rows import Row, note
from fault_stack import FaultStack, kill_process

from kws_core.bundle import DESCRIPTION

TIMEOUT_S = 2400.0
POLL_S = 0.3
BUNDLE = "objects/bundle/"
RESULTS = ("parts/", "manifests/", "objects/encoder/", BUNDLE)
BEFORE_FEATURES = ("utterances", "reference", "inventory", "words", "segments", "prints")
"""Datasets that the cases are spared."""
MOMENTS = ("featurise", "search", "register")
TROUBLE = re.compile(r"(prefect|mlflow) |.* (lost|not taken|tried again|retr)")
"""A line of the terminal about trouble."""
LONGEST = 160
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class HasSeconds(Protocol):
    """Times of an undisturbed run."""

    seconds: dict[str, float]


@dataclass
class Undisturbed:
    """What a retrain that nothing happened to has left, and how long it took."""

    prefix: str
    files: dict[str, str]
    seconds: dict[str, float]
    """From one moment's stage to the next, by moment; the first from the command on."""

    @property
    def total_s(self) -> float:
        """Of the whole run, from the segments on."""
        return sum(self.seconds.values())


@dataclass
class Ended:
    """How a run ended."""

    well: bool
    said: str
    """What it said last: the error, where it failed."""


class Retrain:
    """A `kws retrain` of a user at a terminal, a client of the stack."""

    def __init__(
        self, running: FaultStack, name: str, settings: tuple[str, ...] = (), env: Mapping[str, str] | None = None
    ) -> None:
        self.running = running
        self.name = name
        self.settings = settings
        self.env = env or {}
        self.folder = running.folder / name
        self.folder.mkdir(exist_ok=True)
        self.run: Run | None = None

    @property
    def prefix(self) -> str:
        return f"{self.name}/"

    def exists(self, prefix: str) -> bool:
        """Whether the store has an object whose name begins so."""
        key = self.prefix + prefix
        return bool(self.running.s3.list_objects_v2(Bucket="kws", Prefix=key, MaxKeys=1).get("KeyCount"))

    def searched(self) -> bool:
        """Whether a trial of the search has stored an epoch."""
        return any("checkpoint_" in entry["Key"] for entry in self.running.objects(f"{self.prefix}searches/"))

    def begin(self) -> None:
        """Start it; again where it has ended."""
        given = ("--preset", str(self.running.preset), "--set", f"name={self.name}")
        more = tuple(argument for setting in self.settings for argument in ("--set", setting))
        own = {"KWS_STORE": f"s3://kws/{self.name}", **self.env}
        command = [str(KWS), "retrain", *given, *more]
        self.run = start(command, self.folder, {**self.running.client, "RAY_worker_niceness": "15", **own})

    def ended(self) -> Ended | None:
        """How it ended, None while it runs."""
        assert self.run is not None
        return None if self.run.process.poll() is None else plain_end(self)

    def terminal(self) -> str:
        """What the user saw."""
        assert self.run is not None
        return self.run.stderr.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Leave nothing running."""
        if self.run is not None:
            kill_run(self.run)


class DeployedRetrain(Retrain):
    """A run of the deployment `retrain/retrain`, in a process of the Prefect worker."""

    flow_run = ""
    _log_from = 0

    def begin(self) -> None:
        deployment = self.running.prefect("GET", "deployments/name/retrain/retrain")["id"]
        settings = [f"name={self.name}", *self.settings]
        given = {"preset": str(self.running.preset), "settings": settings, "store": f"s3://kws/{self.name}"}
        self._log_from = self.running.layout.log("worker").stat().st_size
        made = self.running.prefect("POST", f"deployments/{deployment}/create_flow_run", parameters=given)
        self.flow_run = made["id"]

    def ended(self) -> Ended | None:
        try:
            state = self.running.prefect("GET", f"flow_runs/{self.flow_run}")["state"]
        except httpx.HTTPError:  # its server is what was killed
            return None
        if state["type"] not in ENDED:
            return None
        said = f"{state['name']}: {state['message'] or ''}"
        return Ended(state["type"] == "COMPLETED", " ".join(said.split()))

    def terminal(self) -> str:
        with self.running.layout.log("worker").open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def close(self) -> None:
        for process in self.running.flow_processes():
            kill_process(process)


@dataclass
class Trial:
    """A retrain that meets faults in its moments, one after the other, and is run again where it does not end well."""

    retrain: Retrain
    inflict: Callable[[str], None]
    """What happens in a moment; returns when the supervisor has done its work."""
    moments: tuple[str, ...] = MOMENTS
    mend: Callable[[], None] = lambda: None
    """Done when a run has not ended well, before it is run again."""
    began: float = 0.0
    faults: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    ends: dict[str, list[str]] = field(default_factory=dict)
    """What was said by runs that did not end well, by the moment of the fault before."""
    told: dict[str, list[str]] = field(default_factory=dict)
    """Lines by which the terminal told of trouble that the run survived, by the moment of the fault before."""
    tracebacks: int = 0
    max_reruns: int = 4

    def carry_out(self) -> None:
        """Until a run has ended well."""
        self.began = time.monotonic()
        self.retrain.begin()
        waiting = list(self.moments)
        now = "before any fault"
        reruns = 0
        try:
            while True:
                assert time.monotonic() - self.began < TIMEOUT_S, f"{now}: {self.retrain.terminal()[-3000:]}"
                self._note_done()
                self._note_told(now)
                end = self.retrain.ended()
                if end is not None:
                    self.tracebacks += self.retrain.terminal().count("Traceback (most recent call last)")
                    if end.well:
                        break
                    self.ends.setdefault(now, []).append(end.said)
                    assert reruns < self.max_reruns, f"{self.ends}: {self.retrain.terminal()[-3000:]}"
                    reruns += 1
                    self.mend()
                    self.retrain.begin()
                if waiting and reached(self.retrain, waiting[0]):
                    now = waiting.pop(0)
                    self.faults[now] = time.monotonic()
                    self.inflict(now)
                time.sleep(POLL_S)
        finally:
            self.retrain.close()
        self.done["register"] = time.monotonic()
        assert not waiting, f"it ended before {waiting}"

    def _note_told(self, now: str) -> None:
        known = {line for lines in self.told.values() for line in lines}
        for line in self.retrain.terminal().splitlines():
            words = " ".join(line.split())
            if TROUBLE.match(words) and words not in known and not words.startswith("error: "):
                self.told.setdefault(now, []).append(words)

    def _note_done(self) -> None:
        for moment in ("featurise", "search"):
            if moment not in self.done and finished(self.retrain, moment):
                self.done[moment] = time.monotonic()

    def seconds(self) -> dict[str, float]:
        """From one moment's stage to the next."""
        times = [self.began, *(self.done[moment] for moment in MOMENTS)]
        return {moment: after - before for moment, before, after in zip(MOMENTS, times, times[1:], strict=False)}

    def saw(self, moment: str) -> str:
        """What the user saw of the fault in a moment."""
        said = [*(line[:LONGEST] for line in self.told.get(moment, ())), *self.ends.get(moment, ())]
        return "; ".join(dict.fromkeys(said)) or "nothing"


def plain_end(retrain: Retrain) -> Ended:
    """How a command that has ended did so."""
    assert retrain.run is not None
    status = retrain.run.process.returncode
    lines = [line for line in retrain.terminal().splitlines() if line.strip()]
    return Ended(status == 0, lines[-1] if lines else f"nothing, exit status {status}")


def reached(retrain: Retrain, moment: str) -> bool:
    """Whether the stage of a moment has begun to leave something."""
    if moment == "featurise":
        return retrain.exists("parts/features/")
    if moment == "search":
        return retrain.searched()
    if moment == "refitted":
        return retrain.exists("documents/encoder/")
    return retrain.exists("objects/bundle/")


def finished(retrain: Retrain, moment: str) -> bool:
    """Whether the stage of a moment has left its result."""
    return retrain.exists({"featurise": "manifests/features/", "search": "documents/search/"}[moment])


def result_files(running: FaultStack, prefix: str) -> dict[str, str]:
    """SHA-256 of all datasets, of the encoder and of the bundle, by their name in the store.

    The name of the experiment is in the bundle, so the bundle's key is left out of its files' names, and the name and
    what follows from it out of its description.
    """
    found = {}
    for entry in running.objects(prefix):
        name = entry["Key"].removeprefix(prefix)
        if name.startswith(RESULTS):
            content = running.s3.get_object(Bucket="kws", Key=entry["Key"])["Body"].read()
            found.update([comparable(name, content)])
    return found


def comparable(name: str, content: bytes) -> tuple[str, str]:
    """Name and SHA-256 of a file of the store, apart from the name of the experiment."""
    if name.startswith(BUNDLE):
        name = BUNDLE + name.rpartition("/")[2]
        if name.endswith(DESCRIPTION):
            described = {key: value for key, value in json.loads(content).items() if key != "name"}
            content = json.dumps(described, sort_keys=True).encode()
    return name, hashlib.sha256(content).hexdigest()


def with_segments(running: FaultStack, source: str, prefix: str) -> None:
    """Copy what an undisturbed run had made before the features."""
    for room in ("parts", "manifests"):
        for stage in BEFORE_FEATURES:
            for entry in running.objects(f"{source}{room}/{stage}/"):
                target = prefix + entry["Key"].removeprefix(source)
                running.s3.copy_object(Bucket="kws", Key=target, CopySource={"Bucket": "kws", "Key": entry["Key"]})


def stored_undisturbed(running: FaultStack, store: Path, seconds: dict[str, float]) -> Undisturbed:
    """Put the store of an undisturbed run on the stack."""
    for path in store.rglob("*"):
        if path.is_file():
            name = f"undisturbed/{path.relative_to(store)}"
            running.s3.put_object(Bucket="kws", Key=name, Body=path.read_bytes())
    return Undisturbed("undisturbed/", result_files(running, "undisturbed/"), seconds)


def keep_undisturbed(running: FaultStack, undisturbed: Undisturbed, folder: Path) -> None:
    """Copy the store of an undisturbed run, and its times, to a folder for `stored_undisturbed`."""
    for entry in running.objects(undisturbed.prefix):
        if entry["Key"].endswith("/"):  # marks a folder
            continue
        path = folder / "store" / entry["Key"].removeprefix(undisturbed.prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(running.s3.get_object(Bucket="kws", Key=entry["Key"])["Body"].read())
    (folder / "seconds.json").write_text(json.dumps(undisturbed.seconds))


def undisturbed_retrain(running: FaultStack) -> Undisturbed:
    """Run the whole line once, then once more from its segments on for the times; the bytes of both are the same."""
    full = Trial(Retrain(running, "undisturbed"), _nothing, moments=())
    full.carry_out()
    assert not full.ends, full.ends
    files = result_files(running, "undisturbed/")
    with_segments(running, "undisturbed/", "again/")
    again = Trial(Retrain(running, "again"), _nothing, moments=())
    again.carry_out()
    assert result_files(running, "again/") == files
    return Undisturbed("undisturbed/", files, again.seconds())


def champion(running: FaultStack, name: str) -> dict[str, Any]:
    """The registered versions and the aliases of a model."""
    model = running.mlflow("GET", "registered-models/get", name=name)["registered_model"]
    aliases = {entry["alias"]: str(entry["version"]) for entry in model.get("aliases", [])}
    found = running.mlflow("GET", "model-versions/search", filter=f"name='{name}'")
    versions = {str(entry["version"]): entry for entry in found.get("model_versions", [])}
    return {"aliases": aliases, "versions": versions}


def check_result(running: FaultStack, undisturbed: Undisturbed, name: str) -> None:
    """No wrong result and nothing lost: the bytes are those of an undisturbed run, the one version is champion."""
    found = result_files(running, f"{name}/")
    assert {key: found[key] for key in undisturbed.files if key in found} == {
        key: digest for key, digest in undisturbed.files.items() if key in found
    }
    assert set(found) == set(undisturbed.files)
    facts = champion(running, name)
    assert set(facts["versions"]) == {"1"}, facts
    assert facts["aliases"] == {"challenger": "1", "champion": "1"}, facts


def _nothing(_: str) -> None:
    raise AssertionError("no fault was asked for")


def note_trial(case: int, trial: Trial, undisturbed: HasSeconds, faults: Mapping[str, str]) -> None:
    """A row for the fault of each moment."""
    took = trial.seconds()
    for moment in trial.moments:
        reruns = len(trial.ends.get(moment, ()))
        ended = "by itself" if not reruns else f"{reruns} rerun{'s' if reruns > 1 else ''}"
        note(Row(case, faults[moment], moment, trial.saw(moment), ended, took[moment], undisturbed.seconds.get(moment)))
    if trial.tracebacks:
        print(f"{trial.retrain.name}: {trial.tracebacks} tracebacks")
