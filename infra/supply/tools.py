"""The tools of the supply chain, which live in an environment of their own: the factory needs none of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

from infra.supply.pins import Pin
from kws_core.errors import ConfigError

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
TOOLS_LOCK = Path(__file__).with_name("tools.lock")
ENVIRONMENT = ROOT / ".venv-supply"
"""Where the Makefile installs `tools.lock`."""


def run_tool(name: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end, its output captured; raises `ConfigError` when it is not installed."""
    program = ENVIRONMENT / "bin" / name
    if not program.exists():
        raise ConfigError(
            f"{name} is not installed in {ENVIRONMENT.name}; `make {ENVIRONMENT.name}/.ready` installs it"
        )
    settings = {**os.environ, **(env or {})}
    return subprocess.run([program, *arguments], env=settings, capture_output=True, text=True, check=False)  # noqa: S603


def pip_setting(name: str) -> str:
    """A setting of pip, such as `index-url`, from the environment or its files; empty where there is none."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = dict(re.findall(rf"^(\S+)\.{re.escape(name)}='(.*)'$", listed, re.MULTILINE))
    return next((found[section] for section in (":env:", "install", "global") if section in found), "")


def torch_pin() -> Pin:
    """The pin of torch, which is installed first and alone: the Makefile has it, not the lock."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    versions = sorted(set(re.findall(r"torch==([\w.]+)", makefile)))
    if len(versions) != 1:
        raise ConfigError(f"Makefile pins torch {versions}; one version is expected")
    return Pin("torch", versions[0])


def last_line(text: str) -> str:
    """The last line that says something: what a tool ended with."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
