"""Training rows to the dataset `training_buckets`, for training that streams them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.config import Experiment
from kws_core.manifest import Part
from kws_core.part import PartOutput
from kws_core.store import Store
from kws_core.streaming import STAGE, VERSION, Bucket, bucketed_selection, make_shard, plan_buckets
from tasks import featurise
from tasks.cluster import cause, connect, cpus
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.stage import stage_task

SHARDS_PER_CPU = 2
"""Shards that Ray is given at a time: more would only wait."""


@stage_task("bucket")
def bucket(places: Places, experiment: Experiment, source: str, selection: str) -> str:
    """Rewrite the training rows of features, or of segments where waveforms are trained on; returns the fingerprint."""
    store = places.store()
    rows = bucketed_selection(store.read_table(store.dataset(selection_stage.STAGE, selection)))
    jobs = [Job(one.key, one.corpus, _MakeBucket(one)) for one in planned_buckets(store, experiment, source, rows)]
    return make_dataset(store, STAGE, VERSION, jobs, run=run_by_shard).fingerprint


def planned_buckets(store: Store, experiment: Experiment, source: str, rows: pa.Table) -> list[Bucket]:
    """The buckets of a bucketed selection; `source` is the fingerprint of the features, or of the segments."""
    sound = experiment.training.input == "waveforms"
    manifest = store.dataset(segments_stage.STAGE if sound else featurise.STAGE, source)
    return plan_buckets(rows, manifest, "audio" if sound else "features", experiment.training.stream)


def run_by_shard(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """One Ray task a shard, which reads the shard's parts once and writes all of its buckets that are missing."""
    ray = connect()
    shards: dict[int, list[Job]] = defaultdict(list)
    for job in jobs:
        shards[job.make.bucket.shard].append(job)  # type: ignore[attr-defined]
    remote = ray.remote(max_retries=3)(_write_shard)
    queue, waiting = list(shards.values())[::-1], list[Any]()
    try:
        while queue or waiting:
            while queue and len(waiting) < SHARDS_PER_CPU * cpus():
                waiting.append(remote.remote(store.url, stage, queue.pop()))
            done, waiting = ray.wait(waiting)
            for parts in ray.get(done):
                yield from parts
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None
    finally:
        if ray.is_initialized():
            for reference in waiting:
                ray.cancel(reference)


@dataclass(frozen=True)
class _MakeBucket:
    bucket: Bucket

    def __call__(self, store: Store) -> PartOutput:
        return next(make_shard(store, [self.bucket]))


def _write_shard(store_url: str, stage: str, jobs: list[Job]) -> list[Part]:
    """Make and write the buckets of one shard; runs on a worker."""
    store = Store(store_url)
    outputs = make_shard(store, [job.make.bucket for job in jobs])  # type: ignore[attr-defined]
    return [store.write_part(stage, job.key, job.corpus, output) for job, output in zip(jobs, outputs, strict=True)]
