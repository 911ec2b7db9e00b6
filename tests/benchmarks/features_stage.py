"""The features stage end to end: what reading, decoding, computing and writing cost together and apart.

    python -m tests.benchmarks.features_stage [--parts 8] [--rows 4096] [--rounds 5] [--device cuda] [--without-ray]

Random sound is cut into parts of segments of 0.5 to 1 s in a store on the local disk, which the system's cache holds.
Side by side, in one process and by turns, with the median over rounds:

- `compute`: the front end over windows in memory, on one thread; on a GPU with the copies to it and back;
- `read and write`: the columns of each part read in batches, and its features, computed before, written;
- `stage`: what an actor of the stage does with the same parts, two at a time: all of it, overlapped.

The stage must reach 70 % of the slower of the first two. Then the same parts go through Ray Data with one actor and
with two, and two must be 1.7 x as fast, which takes two idle cores. The start of Ray and of the first worker is not
counted, what a second worker starts later is: there must be parts enough.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import torch

from flows.quiet import quieten
from kws_core import segments as segments_stage
from kws_core.config import FeaturesConfig
from kws_core.features.decode import COLUMNS, WINDOW_SAMPLES
from kws_core.features.part import BATCH, checked_frontend, featurise_batches
from kws_core.features.window import INT16_SCALE
from kws_core.part import PartOutput, PartStream
from kws_core.schemas import QUARANTINE, SEGMENTS
from kws_core.store import Store
from tasks.featurise import PARTS_AT_ONCE, Featurise, run_on_ray_data
from tasks.parts import Job, make_part

CONFIG = FeaturesConfig()
LEAST_SHARE, LEAST_SPEED_UP = 0.7, 1.7


def make_segments(store, number, rows):
    """One part of segments with random sound."""
    rng = np.random.default_rng(number)
    sound = rng.integers(-9000, 9000, 20 * 16000).astype("<i2")
    lengths = rng.integers(8000, 16001, rows)
    starts = rng.integers(0, len(sound) - 16000, rows)
    columns = {
        field.name: pa.array(
            ["x"] * rows if pa.types.is_string(field.type) else np.zeros(rows), field.type, from_pandas=False
        )
        for field in SEGMENTS
        if field.name != "audio"
    }
    columns |= {
        "segment_id": pa.array([f"{number}-{row}" for row in range(rows)]),
        "audio": pa.array(
            [sound[start : start + length].tobytes() for start, length in zip(starts, lengths, strict=True)],
            pa.binary(),
        ),
        "end_s": pa.array(lengths / 16000),
        "word_start_s": pa.array(np.full(rows, 0.1)),
        "word_end_s": pa.array(lengths / 16000 - 0.1),
    }
    table = pa.table([columns[name] for name in SEGMENTS.names], schema=SEGMENTS)
    return store.write_part(segments_stage.STAGE, f"s{number}", "c", PartOutput(table, QUARANTINE.empty_table()))


def jobs_of(parts, run, gpus):
    """New parts to make, so that nothing is there already."""
    return [
        Job(f"{run}-{number}", "c", Featurise(CONFIG, part, None, may_use_gpu=bool(gpus)), gpus=gpus)
        for number, part in enumerate(parts)
    ]


def compute(rows, device):
    """The front end alone; seconds."""
    frontend = checked_frontend(CONFIG).to(device)
    windows = np.random.default_rng(0).integers(-9000, 9000, (BATCH, WINDOW_SAMPLES)).astype(np.int16)
    start = time.perf_counter()
    for _ in range(0, rows, BATCH):
        frontend(torch.from_numpy(windows).to(device).float().div_(INT16_SCALE)).half().cpu()
    return time.perf_counter() - start


def read_and_write(store, parts, tables, run):
    """Input and output alone; seconds."""
    start = time.perf_counter()
    for part, made in zip(parts, tables, strict=True):
        for _ in store.read_batches(segments_stage.STAGE, part, COLUMNS, BATCH):
            pass
        stream = PartStream(made.schema, [made], QUARANTINE.empty_table)
        store.write_part("features", f"{run}-{part.key}", "c", stream)
    return time.perf_counter() - start


def stage(store, jobs):
    """What one actor does; seconds."""
    start = time.perf_counter()
    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        list(pool.map(lambda job: make_part(store.url, "features", job), jobs))
    return time.perf_counter() - start


@dataclass(frozen=True)
class Marked:
    """Makes a part as the stage does, and leaves a mark when the worker is ready to begin."""

    make: Featurise
    marks: Path
    name: str

    def __call__(self, store):
        import torch  # noqa: F401 - a worker's first import of it is no part of the work

        (self.marks / self.name).write_text(str(time.time()))
        return self.make(store)


def on_ray(store, parts, actors, run, gpus):
    """The stage on Ray Data; seconds from the first worker's beginning to the last part's end."""
    import ray

    marks = Path(store.url) / "marks" / run
    marks.mkdir(parents=True)
    # workers cannot import this module
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(num_cpus=actors, num_gpus=1 if gpus else 0, address="local", log_to_driver=False, logging_level=40)
    try:
        jobs = [replace(job, make=Marked(job.make, marks, job.key)) for job in jobs_of(parts, run, gpus and 1 / actors)]
        list(run_on_ray_data(store, "features", jobs))
        return time.time() - min(float(mark.read_text()) for mark in marks.iterdir())
    finally:
        ray.shutdown()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--parts", type=int, default=8)
    arguments.add_argument("--rows", type=int, default=4096)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments.add_argument("--without-ray", action="store_true")
    given = arguments.parse_args()
    quieten()
    torch.set_num_threads(1)
    device, gpus = torch.device(given.device), 1.0 if given.device == "cuda" else 0.0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder) / "store"))
        parts = [make_segments(store, number, given.rows) for number in range(given.parts)]
        rows = given.parts * given.rows
        tables = [
            featurise_batches(
                store.read_batches(segments_stage.STAGE, part, COLUMNS, BATCH), CONFIG, device=device
            ).collect()
            for part in parts
        ]
        times = {"compute": [], "read and write": [], "stage": []}
        for number in range(given.rounds):
            times["compute"].append(compute(rows, device))
            times["read and write"].append(
                read_and_write(store, parts, [output.table for output in tables], f"io{number}")
            )
            times["stage"].append(stage(store, jobs_of(parts, f"stage{number}", gpus)))
        share = float(np.median(np.maximum(times["compute"], times["read and write"]) / np.array(times["stage"])))
        load = os.getloadavg()[0]
        print(f"{rows:,} segments in {given.parts} parts, {given.device}; median of {given.rounds}, load {load:.1f}")
        for name, seconds in times.items():
            middle = float(np.median(seconds))
            hours = rows / 3600 / middle
            print(f"{name:<16} {middle:8.2f} s {rows / middle:10,.0f} segments/s {hours:8.2f} h of windows/s")
        print(f"stage against the slower of the two: {share:.0%} (at least {LEAST_SHARE:.0%})")
        good = share >= LEAST_SHARE
        if not given.without_ray:
            twice = parts * 2  # the same segments again, under other names
            one, two = (on_ray(store, twice, actors, f"ray{actors}", gpus) for actors in (1, 2))
            print(f"Ray Data, one actor {one:.1f} s, two {two:.1f} s: {one / two:.2f} x (at least {LEAST_SPEED_UP} x)")
            good &= one / two >= LEAST_SPEED_UP
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
