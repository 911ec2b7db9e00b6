"""A full disk under the store, the workspace and the temporary folder, one after the other, until there is room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_rows import Row, note
from local_line import Line, LocalRetrain
from retrains import Trial

pytestmark = pytest.mark.slow

ROOM = 1_000_000_000
FULL = "No space left on device"


@contextmanager
def disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of this size in memory; skips where none can be mounted."""
    folder.mkdir()
    _mount(folder, f"size={size_bytes},mode=777")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def grow(folder: Path) -> None:
    """Make room."""
    _mount(folder, f"remount,size={ROOM}")


def _mount(folder: Path, options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


def test_full_disks(line: Line, tmp_path: Path) -> None:
    before = tmp_path / "before"
    line.with_segments(before)
    taken = sum(path.stat().st_size for path in before.rglob("*") if path.is_file())
    with (
        # half of the features fits, and nearly nothing of their cache, and nothing of a bundle
        disk(tmp_path / "store", taken + 6_000_000) as store,
        disk(tmp_path / "work", 3_000_000) as work,
        disk(tmp_path / "temporary", 100_000) as temporary,
    ):
        subprocess.run(["cp", "-r", *map(str, before.iterdir()), str(store)], check=True)
        full = {"store": store, "workspace": work, "temporary folder": temporary}
        waiting = list(full)
        retrain = LocalRetrain(line, work, store, env={"TMPDIR": str(temporary)})
        trial = Trial(retrain, lambda _: None, moments=(), mend=lambda: grow(full[waiting.pop(0)]))
        trial.carry_out()
        retrain.check(line.files)
        said = trial.ends["before any fault"]
        assert len(said) == len(full), said
        for (name, folder), sentence in zip(full.items(), said, strict=True):
            assert sentence.startswith("error: "), sentence
            assert FULL in sentence or "full" in sentence, sentence
            assert name == "temporary folder" or str(folder) in sentence, sentence
            stage = {"store": "featurise", "workspace": "search", "temporary folder": "package"}[name]
            note(Row(3, f"no room in the {name}", stage, sentence.replace(str(tmp_path), "…"), "1 rerun"))
        assert trial.tracebacks == 0
    assert os.path.ismount(store) is False
