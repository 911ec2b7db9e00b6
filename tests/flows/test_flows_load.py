"""Every flow, task, preset and command loads."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from experiments import run_kws

import flows
import tasks
from flows import quiet
from flows.preset_paths import PRESETS
from kws_core.presets import load_experiment

COMMANDS = (
    "retrain",
    "ingest",
    "feedback",
    "drops",
    "align",
    "study",
    "spot",
    "listen",
    "serve",
    "enrol",
    "evaluate",
    "compare",
    "promote",
    "rollback",
    "history",
    "status",
    "doctor",
    "gc",
    "export",
    "presets",
    "recipes",
    "demo-recording",
)


def _modules(package: object) -> list[str]:
    (folder,) = package.__path__
    return sorted(f"{Path(folder).name}.{path.stem}" for path in Path(folder).glob("[!_]*.py"))


# importing it sets MLflow's model of the process: test_retrain loads it as a registered version instead
ELSEWHERE = {"tasks.spotter_model", "tasks.encoder_model"}


@pytest.mark.parametrize("name", sorted({n for package in (flows, tasks) for n in _modules(package)} - ELSEWHERE))
def test_every_module_imports(name: str) -> None:
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_presets_load(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.name
    assert bool(experiment.selection.keywords) == (experiment.purpose == "keywords")
    assert path.read_text(encoding="utf-8").startswith("# ")  # the line that `kws presets` shows


def test_presets_are_listed(tmp_path: Path) -> None:
    finished = run_kws("presets", cwd=tmp_path, timeout_s=30)
    assert finished.status == 0
    assert [line.split()[0] for line in finished.stdout.splitlines()] == sorted(
        path.stem for path in PRESETS.glob("*.yaml")
    )


def test_recipes_are_listed(tmp_path: Path) -> None:
    finished = run_kws("recipes", cwd=tmp_path, timeout_s=60)
    assert finished.status == 0, finished.stderr
    listed = [line.partition(":")[0] for line in finished.stdout.splitlines() if not line.startswith(" ")]
    assert {"aishell", "librispeech", "manifest", "speech_commands"} <= set(listed)
    assert listed == sorted(listed)
    for field in ("language", "size", "licence", "needs"):
        assert len(re.findall(rf"^    {field} +\S", finished.stdout, re.M)) == len(listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: str, tmp_path: Path) -> None:
    finished = run_kws(command, "--help", cwd=tmp_path, timeout_s=30)
    assert finished.status == 0, finished.stderr
    assert f"kws {command}" in finished.stdout


def test_no_command_is_untested(tmp_path: Path) -> None:
    from flows.cli import app

    names = {entry.name or entry.callback.__name__.replace("_", "-") for entry in app.registered_commands}
    assert names == set(COMMANDS)
    finished = run_kws("--help", cwd=tmp_path, timeout_s=30)
    assert all(command in finished.stdout for command in COMMANDS)


def test_telemetry_is_off_before_anything_else_is_imported() -> None:
    # every import is watched: when one of the three is first asked for, all settings must stand
    program = """
import json, os, sys

class Watch:
    seen = {}
    def find_spec(self, name, path=None, target=None):
        root = name.split(".")[0]
        if root in ("prefect", "ray", "mlflow"):
            self.seen.setdefault(root, {key: os.environ.get(key) for key in wanted})

wanted = json.loads(sys.argv[1])
sys.meta_path.insert(0, Watch())
import flows.cli, flows.retrain, tasks.registry
tasks.registry.client("sqlite://")
import ray
print(json.dumps(Watch.seen))
"""
    environment = {name: value for name, value in os.environ.items() if name not in quiet.SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(list(quiet.SETTINGS))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert set(seen) == {"prefect", "ray", "mlflow"}
    for settings in seen.values():
        assert settings == quiet.SETTINGS


def test_the_command_line_starts_without_prefect_ray_mlflow_or_torch() -> None:
    program = "import sys, flows.cli; print([m for m in ('prefect', 'ray', 'mlflow', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_that_the_environment_states_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    quiet.quieten()
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["DO_NOT_TRACK"] == "true"
