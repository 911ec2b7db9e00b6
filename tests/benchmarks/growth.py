"""What a segment costs as their number grows: seconds by stage and memory; exits 1 where either grows too much.

    python tests/benchmarks/growth.py [--sizes 1000 10000 100000] [--million] [--folder DIR]

Utterances of 1.4 s with two words each (noise bursts, a few dozen different FLACs under their own ids) go through the
tasks `cut`, `featurise` and `select` on a local Ray, as `kws retrain` runs them. Every size runs in a process of its
own. Memory is VmHWM of the driver, and the largest resident set of any Ray worker during selection and pair lists,
which run in one task each. A stage's start on Ray does not depend on the size, so the cost of a segment is the slope
between two sizes: that of the largest two is held against that of the smallest two. 100,000 segments need about 3 GB
of disk, a million 30 GB.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from flows.quiet import quieten

quieten()

import numpy as np  # noqa: E402 - telemetry is off before anything else is imported
import pyarrow as pa  # noqa: E402
from process_memory import WorkerMemory, peak_mb  # noqa: E402

from kws_core.audio import encode_flac  # noqa: E402
from kws_core.part import PartOutput, Quarantine  # noqa: E402
from kws_core.schemas import UTTERANCES, WORDS  # noqa: E402
from kws_core.store import Store  # noqa: E402

SIZES = (1000, 10_000, 100_000)
RATE_HZ = 16000
PER_PART = 500
"""Utterances of a part: 1,000 segments, about 30 MB of sound."""
PER_SPEAKER = 10
WORDS_S = ((0.1, 0.6), (0.75, 1.25))
LABELS = tuple(f"word{number}" for number in range(40))
STAGES = ("cut", "featurise", "select")
COST_GROWTH = 1.2
DRIVER_GROWTH_MB = 50


@dataclass(frozen=True)
class Utterances:
    """Makes one part of utterances."""

    first: int
    count: int

    def __call__(self, store: Store) -> PartOutput:
        flacs = recordings()
        rows = [
            {
                "utterance_id": f"u{number:08d}",
                "corpus": "growth",
                "speaker_id": f"s{number // PER_SPEAKER:06d}",
                "split": "",
                "text": "a b",
                "original_text": "a b",
                "language": "en",
                "audio": flacs[number % len(flacs)],
                "duration_s": 1.4,
                "peak": 0.5,
                "clipped_share": 0.0,
                "silent_share": 0.1,
                "source": f"u{number:08d}.flac",
                "licence": "CC0-1.0",
            }
            for number in range(self.first, self.first + self.count)
        ]
        return PartOutput(pa.Table.from_pylist(rows, schema=UTTERANCES), Quarantine("utterances").table())


@dataclass(frozen=True)
class Words:
    """Makes the words of one part of utterances, where the noise bursts are."""

    first: int
    count: int

    def __call__(self, store: Store) -> PartOutput:
        rows = [
            {
                "utterance_id": f"u{number:08d}",
                "index": index,
                "word": LABELS[(7 * number + 3 * index + number // 40) % len(LABELS)],
                "start_s": start_s,
                "end_s": end_s,
                "score": -1.0,
                "phone_duration_deviation": float("nan"),
                "disagreement_s": float("nan"),
                "aligner": "growth",
            }
            for number in range(self.first, self.first + self.count)
            for index, (start_s, end_s) in enumerate(WORDS_S)
        ]
        return PartOutput(pa.Table.from_pylist(rows, schema=WORDS), Quarantine("words").table())


def recordings() -> list[bytes]:
    """A few dozen FLACs of two noise bursts."""
    random = np.random.default_rng(0)
    time_s = np.arange(round(1.4 * RATE_HZ)) / RATE_HZ
    envelope = sum(np.exp(-(((time_s - (start_s + end_s) / 2) / 0.12) ** 2)) for start_s, end_s in WORDS_S)
    return [encode_flac((random.normal(0, 2500, len(time_s)) * envelope).astype(np.int16)) for _ in range(24)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--million", action="store_true", help="a million segments too")
    parser.add_argument("--folder", type=Path, help="where the stores are made; a temporary folder by default")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.folder, options.measure)))
        return 0
    folder = options.folder or Path(tempfile.mkdtemp(prefix="growth-"))
    results = []
    print("segments " + "".join(f"{stage + ' s':>12}" for stage in STAGES) + "  driver MB   worker MB in select")
    try:
        for size in sorted([*options.sizes, *([1_000_000] if options.million else [])]):
            command = [sys.executable, __file__, "--folder", str(folder), "--measure", str(size)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
            results.append(result)
            print(
                f"{result['segments']:>8,} "
                + "".join(f"{result['seconds'][stage]:>12.1f}" for stage in STAGES)
                + f"{result['driver_mb']:>11.0f}{result['worker_mb']:>12.0f}"
            )
            shutil.rmtree(folder / str(size))
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return judge(results)


def judge(results: list[dict]) -> int:
    """Print what a segment costs; 1 where the cost or the driver's memory grows."""
    failed = False
    if len(results) > 2:
        for stage in STAGES:
            low, high = slope(results[0], results[1], stage), slope(results[-2], results[-1], stage)
            grows = high > COST_GROWTH * low
            failed |= grows
            print(f"{stage:<10} {low:.3f} ms a segment at first, {high:.3f} ms at last{' GROWS' if grows else ''}")
    grown = results[-1]["driver_mb"] - results[0]["driver_mb"]
    failed |= grown > DRIVER_GROWTH_MB
    added = results[-1]["segments"] - results[0]["segments"]
    per_row = (results[-1]["worker_mb"] - results[0]["worker_mb"]) * 2**20 / max(added, 1)
    print(f"driver: {grown:+.0f} MB (at most {DRIVER_GROWTH_MB}); worker of select: {per_row:+.0f} bytes a segment")
    return int(failed)


def slope(smaller: dict, larger: dict, stage: str) -> float:
    """Milliseconds of a segment between two sizes."""
    seconds = larger["seconds"][stage] - smaller["seconds"][stage]
    return 1000 * seconds / (larger["segments"] - smaller["segments"])


def measure(folder: Path, size: int) -> dict:
    """Run one size."""
    from kws_core import alignment, corpora
    from kws_core.config import Experiment
    from tasks.cluster import connect
    from tasks.cut import cut
    from tasks.featurise import featurise
    from tasks.parts import Job, make_dataset
    from tasks.places import Places
    from tasks.select import select

    places = Places.in_workspace(folder / str(size))
    store = places.store()
    experiment = Experiment.model_validate(
        {
            "name": "growth",
            "purpose": "enrolment",
            "corpora": {"growth": {"recipe": "demo"}},
            "rejection": {"segments": 1.0, "gate": 1.0},
            "selection": {"min_train_segments": 1},
        }
    )
    connect()
    starts = range(0, size // len(WORDS_S), PER_PART)
    plans = [(first, min(PER_PART, size // len(WORDS_S) - first)) for first in starts]
    made = {}
    for stage, version, maker in (
        (corpora.STAGE, corpora.VERSION, Utterances),
        (alignment.STAGE, alignment.VERSION, Words),
    ):
        jobs = [Job(f"{stage}-{first:08d}-{count}", "growth", maker(first, count)) for first, count in plans]
        made[stage] = make_dataset(store, stage, version, jobs).fingerprint
    seconds = {}
    started = time.perf_counter()
    segments = cut.fn(places, experiment, made[corpora.STAGE], made[alignment.STAGE])
    seconds["cut"] = time.perf_counter() - started
    started = time.perf_counter()
    featurise.fn(places, experiment, segments)
    seconds["featurise"] = time.perf_counter() - started
    started = time.perf_counter()
    with WorkerMemory() as workers:
        selection, _ = select.fn(places, experiment, segments)
    seconds["select"] = time.perf_counter() - started
    rows = store.dataset("segments", segments).rows
    if rows < 0.9 * size or not store.dataset("selection", selection).rows:
        raise RuntimeError(f"{rows} segments of {size} were cut")
    return {"segments": rows, "seconds": seconds, "driver_mb": peak_mb(), "worker_mb": workers.peak_mb}


if __name__ == "__main__":
    sys.exit(main())
