"""A dataset of 100,000 parts with stub work: planned, run, killed, resumed and grown on a local Ray.

    python tests/benchmarks/manifest_simulation.py [--parts 100000] [--kill-at 0.5] [--folder DIR]

What 10,000 hours of speech ask of the driver: that many parts are planned, made by the stages' own code
(`tasks.parts.make_dataset`), described and listed; only the work inside a part is left out, each writes one row.
Phases, each in a process of its own, with its seconds, the driver's highest memory and what it made:

    run      the first run, killed (SIGKILL) when the given share of the parts is there
    resume   the same again: the rest is made, the manifest written
    rerun    nothing is missing: the manifest answers
    grow     1 % more parts: only those are made
    next     a next stage reads the manifest, plans its parts from it and finds that all are missing

Exits 1 when a phase makes other parts than it should, or memory passes 1 kB a part and 400 MB.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from flows.quiet import quieten

quieten()

import pyarrow as pa  # noqa: E402 - telemetry is off before anything else is imported
from process_memory import peak_mb  # noqa: E402

from kws_core.manifest import part_key  # noqa: E402
from kws_core.part import PartOutput, Quarantine  # noqa: E402
from kws_core.store import Store  # noqa: E402

STAGE, VERSION = "stub", 1
BASE_MB, PER_PART_KB = 400, 1.0


@dataclass(frozen=True)
class Stub:
    """Makes a part of one row."""

    number: int

    def __call__(self, store: Store) -> PartOutput:
        return PartOutput(pa.table({"number": [self.number]}), Quarantine(STAGE).table())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", type=int, default=100_000)
    parser.add_argument("--kill-at", type=float, default=0.5)
    parser.add_argument("--folder", type=Path, help="where the store is made; a temporary folder by default")
    parser.add_argument("--phase", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        print(json.dumps(phase(options.phase, options.folder, options.parts)))
        return 0
    folder = options.folder or Path(tempfile.mkdtemp(prefix="manifest-simulation-"))
    folder.mkdir(parents=True, exist_ok=True)
    more = options.parts + max(options.parts // 100, 1)
    try:
        print(f"{'phase':<8} {'parts':>8} {'made':>8} {'seconds':>8} {'plan s':>7} {'list s':>7} {'driver MB':>10}")
        there = run_and_kill(folder, options.parts, options.kill_at)
        failed = False
        expected = {"resume": options.parts - there, "rerun": 0, "grow": more - options.parts, "next": 0}
        for name, made in expected.items():
            parts = more if name in ("grow", "next") else options.parts
            began = time.time()
            result = run_phase(name, folder, parts)
            result["made"] = written_since(folder, began)
            print(
                f"{name:<8} {parts:>8,} {result['made']:>8,} {result['seconds']:>8.1f} {result['plan_s']:>7.1f} "
                f"{result['list_s']:>7.1f} {result['driver_mb']:>10.0f}"
            )
            failed |= result["made"] != made or result["driver_mb"] > BASE_MB + PER_PART_KB * parts / 1024
        print(f"manifest: {result['manifest_bytes']:,} bytes, read and parsed in {result['read_s']:.2f} s")
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


def run_and_kill(folder: Path, parts: int, share: float) -> int:
    """Start the run, kill its driver and Ray when enough is there; returns how many parts are complete."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--folder", str(folder), "--parts", str(parts), "--phase", "run"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while complete(folder) < share * parts:
        if process.poll() is not None:
            raise RuntimeError("the run ended before it could be killed: take more parts")
        time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    seconds, there = time.perf_counter() - started, -1
    while there != complete(folder):  # workers find that their driver is gone, and end
        there = complete(folder)
        time.sleep(5)
    print(f"{'run':<8} {parts:>8,} {there:>8,} {seconds:>8.1f}   killed; {there / seconds:.0f} parts a second")
    return there


def complete(folder: Path) -> int:
    stage = folder / "parts" / STAGE
    return sum(entry.name.endswith(".json") for entry in os.scandir(stage)) if stage.exists() else 0


def written_since(folder: Path, moment_s: float) -> int:
    """Parts whose description was written after a moment: a part made again counts too."""
    entries = os.scandir(folder / "parts" / STAGE)
    return sum(entry.name.endswith(".json") and entry.stat().st_mtime >= moment_s for entry in entries)


def run_phase(name: str, folder: Path, parts: int) -> dict:
    command = [sys.executable, __file__, "--folder", str(folder), "--parts", str(parts), "--phase", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def phase(name: str, folder: Path, parts: int) -> dict:
    """One phase; the work is that of a task of the pipeline."""
    from kws_core.manifest import manifest_fingerprint
    from tasks.parts import Job, make_dataset

    store = Store(str(folder))
    started = time.perf_counter()
    jobs = [Job(part_key(STAGE, VERSION, {}, [str(number)]), "corpus", Stub(number)) for number in range(parts)]
    keys = [job.key for job in jobs]
    fingerprint = manifest_fingerprint(STAGE, VERSION, keys)
    planned = time.perf_counter()
    store.complete_parts(STAGE, keys)
    listed = time.perf_counter()
    if name == "next":
        upstream = store.dataset(STAGE, fingerprint)
        later = [part_key("next", VERSION, {}, [part.key]) for part in upstream.parts]
        if store.complete_parts("next", later):
            raise RuntimeError("the next stage has not run")
    else:
        make_dataset(store, STAGE, VERSION, jobs)
    finished = time.perf_counter()
    manifest = store.dataset(STAGE, fingerprint)
    return {
        "seconds": finished - listed + planned - started,
        "plan_s": planned - started,
        "list_s": listed - planned,
        "driver_mb": peak_mb(),
        "manifest_bytes": (folder / "manifests" / STAGE / f"{manifest.fingerprint}.json").stat().st_size,
        "read_s": time.perf_counter() - finished,
    }


if __name__ == "__main__":
    sys.exit(main())
