"""Asks `registry_facts.py` in a process of its own."""

import json
import sys
from pathlib import Path
from typing import Any

from experiments import run_command


def registry_json(tracking_uri: str, name: str, folder: Path, *pcm: Path) -> dict[str, Any]:
    """What a registry holds of a model and, given windows, what its champion answers."""
    script = Path(__file__).with_name("registry_facts.py")
    finished = run_command([sys.executable, str(script), tracking_uri, name, *map(str, pcm)], folder, 300)
    assert finished.status == 0, finished.stderr
    facts: dict[str, Any] = json.loads(finished.stdout)
    return facts
