"""A stage over parts: what exists is kept, what is missing runs on Ray, the manifest comes last."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rich.markup import escape

from kws_core.errors import CorpusError
from kws_core.manifest import Manifest, Part, manifest_fingerprint
from kws_core.part import PartOutput, PartStream
from kws_core.part_claims import claim, release
from kws_core.store import Store
from tasks.cluster import cause, connect, cpus
from tasks.console import bar
from tasks.flow_run import flow_run_id
from tasks.logs import log, log_ids
from tasks.stage_record import note_dataset

IN_FLIGHT = 256
"""Tasks that wait in Ray at least; see `run_as_tasks`."""
IN_FLIGHT_PER_CPU = 4
LOOK_AT_CLUSTER_S = 10.0

Make = Callable[[Store], PartOutput | PartStream]


@dataclass(frozen=True)
class Job:
    """One part to make; `make` runs on a worker and must be picklable."""

    key: str
    corpus: str
    make: Make
    cpus: float = 1
    gpus: float = 0
    """Taken where the cluster has GPUs; see `featurise.run_on_ray_data`."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """Custom resources of Ray that the node must have."""


# Runs jobs somewhere, writes their parts, and yields them as they are done.
Executor = Callable[[Store, str, list[Job]], Iterator[Part]]


def make_dataset(
    store: Store,
    stage: str,
    version: int,
    jobs: list[Job],
    max_rejected_share: float = 0.0,
    run: Executor | None = None,
    look_for_parts: bool = False,
) -> Manifest:
    """Return the dataset of the jobs' parts, in their order; only missing parts are computed.

    A dataset whose manifest is there is taken to be whole, unless `look_for_parts` asks to look for each of its parts.

    Raises:
        CorpusError: a larger share of the input than accepted was rejected; what was made stays.
    """
    started = time.monotonic()
    fingerprint = manifest_fingerprint(stage, version, [job.key for job in jobs])
    manifest = None if look_for_parts else store.read_manifest(stage, fingerprint)
    made = 0
    if manifest is None:
        claim(store.files, stage, fingerprint, [job.key for job in jobs])
        parts = store.complete_parts(stage, [job.key for job in jobs])
        missing = [job for job in jobs if job.key not in parts]
        made = len(missing)
        if missing:
            with bar(stage, len(missing)) as progress:
                for part in (run or run_as_tasks)(store, stage, missing):
                    parts[part.key] = part
                    log(logging.DEBUG, stage, f"{part.rows:,} rows, {part.rejected:,} rejected", part.key)
                    progress.advance(f"{part.rows:,} rows")
        manifest = Manifest(stage, version, tuple(parts[job.key] for job in jobs))
        store.write_manifest(manifest)
        release(store.files, stage, fingerprint)
    seconds = time.monotonic() - started
    effort = f"{made} computed in {seconds:.1f} s" if made else "nothing to compute"
    text = f"{manifest.rows:,} rows, {manifest.rejected:,} rejected, {len(jobs)} parts, {effort}"
    log(logging.INFO, stage, text)
    note_dataset(store, manifest, made, seconds)
    check_rejected(store, manifest, max_rejected_share)
    return manifest


def run_as_tasks(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """One Ray task a part; Ray runs a task again when its worker or node is lost.

    Only so many tasks are handed to Ray as keep the cluster busy, so neither it nor the driver grows with the dataset;
    a cluster that grows on demand gets more of them as it does.
    """
    ray = connect()
    remote = ray.remote(max_retries=3)(make_part)
    queue, run = iter(jobs), flow_run_id()
    waiting: list[Any] = []
    limit, looked = _in_flight(), time.monotonic()
    try:
        while True:
            if time.monotonic() - looked > LOOK_AT_CLUSTER_S:
                limit, looked = _in_flight(), time.monotonic()
            for job in islice(queue, max(limit - len(waiting), 0)):
                options = remote.options(num_cpus=job.cpus, resources=dict(job.resources))
                waiting.append(options.remote(store.url, stage, job, run))
            if not waiting:
                return
            ray.wait(waiting)  # for one, then take all that are done
            done, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=0)
            yield from ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None
    finally:
        if ray.is_initialized():
            for reference in waiting:
                ray.cancel(reference)


def _in_flight() -> int:
    return max(IN_FLIGHT, IN_FLIGHT_PER_CPU * cpus())


def make_part(store_url: str, stage: str, job: Job, run: str = "") -> Part:
    """Make and write one part; runs on a worker, whose log says which part of which run it was when that fails."""
    with log_ids(run, stage, job.key):
        store = Store(store_url)
        try:
            return store.write_part(stage, job.key, job.corpus, job.make(store))
        except Exception as error:
            log(logging.ERROR, stage, escape(f"part {job.key}: {type(error).__name__}: {error}"))
            raise


def check_rejected(store: Store, manifest: Manifest, max_rejected_share: float, inputs: int | None = None) -> None:
    """Raise `CorpusError` when a stage rejected more than it may of its `inputs`, with the first reasons.

    `inputs` need not be given where each of them became a row or was rejected.
    """
    total = manifest.rows + manifest.rejected if inputs is None else inputs
    if not manifest.rejected or manifest.rejected <= max_rejected_share * total:
        return
    first = store.read_quarantine(manifest).slice(0, 3).to_pylist()
    reasons = "; ".join(f"{row['source']}: {row['reason']}" for row in first)
    raise CorpusError(
        f"{manifest.stage}: {manifest.rejected:,} of {total:,} inputs were rejected, at most "
        f"{max_rejected_share:.1%} are accepted: {reasons}{' …' if manifest.rejected > len(first) else ''}"
    )
