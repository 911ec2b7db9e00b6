"""One stack for all cases of the campaign, and what an undisturbed retrain leaves on it."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS / "flows"), str(TESTS / "kws_core")]

from fault_stack import FaultStack, fault_stack  # noqa: E402 - found by the path above
from local_line import Line, local_line  # noqa: E402
from retrains import Undisturbed, keep_undisturbed, stored_undisturbed, undisturbed_retrain  # noqa: E402

REFERENCE = "KWS_FAULTS_REFERENCE"
"""Names a folder with the store of an undisturbed run (`store/`) and its times (`seconds.json`), to save making it.

A session with the stack makes the folder where it is absent."""


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultStack]:
    # a campaign that is ended early leaves nothing running
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with fault_stack(tmp_path_factory.mktemp("stack")) as made:
        yield made


@pytest.fixture(scope="session")
def undisturbed(running: FaultStack) -> Undisturbed:
    store, seconds = _reference()
    if store:
        return stored_undisturbed(running, store, seconds)
    made = undisturbed_retrain(running)
    if REFERENCE in os.environ:
        keep_undisturbed(running, made, Path(os.environ[REFERENCE]))
    return made


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with local_line(tmp_path_factory.mktemp("line"), *_reference()) as made:
        yield made


def _reference() -> tuple[Path | None, dict[str, float]]:
    folder = Path(os.environ.get(REFERENCE, "/nowhere"))
    if not (folder / "seconds.json").exists():
        return None, {}
    return folder / "store", json.loads((folder / "seconds.json").read_text())
