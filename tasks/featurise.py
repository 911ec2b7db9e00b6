"""Segments to the dataset `features`, by Ray Data with a pool of actors."""

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kws_core import errors
from kws_core import segments as segments_stage
from kws_core.config import Experiment, FeaturesConfig
from kws_core.features.copies_config import CopiesConfig
from kws_core.manifest import Part, part_key
from kws_core.part import PartStream
from kws_core.store import Store
from tasks.cluster import connect, cpus
from tasks.flow_run import flow_run_id
from tasks.parts import Job, check_rejected, make_dataset, make_part
from tasks.places import Places
from tasks.stage import stage_task

STAGE = "features"
VERSION = 1
PARTS_AT_ONCE = 2
"""Parts that an actor has in hand."""
MAX_LOSSES = 3
"""How often a stage goes on without actors that were lost."""


@stage_task("featurise")
def featurise(places: Places, experiment: Experiment, segments: str) -> str:
    """Compute the features of every segment, and of its augmented copies; returns their fingerprint."""
    store = places.store()
    stage = experiment.features_stage
    copies = None
    content: Any = experiment.features
    if stage.copies:
        copies = CopiesConfig(stage.copies, experiment.augmentation.waveform, experiment.seed)
        content = [experiment.features, stage.copies, experiment.augmentation.waveform, experiment.seed]
    manifest = store.dataset(segments_stage.STAGE, segments)
    jobs = []
    for part in manifest.parts:
        make = Featurise(experiment.features, part, copies, bool(stage.gpus))
        jobs.append(
            Job(part_key(STAGE, VERSION, content, [part.key]), part.corpus, make, cpus=stage.cpus, gpus=stage.gpus)
        )
    features = make_dataset(store, STAGE, VERSION, jobs, max_rejected_share=1.0, run=run_on_ray_data)
    check_rejected(store, features, experiment.rejection.features, manifest.rows)
    return features.fingerprint


def run_on_ray_data(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """One part a block; actors write their parts and send back descriptions only, as they are done.

    All actors take what the first job asks for; where the cluster has no GPU, no share of one. Each has `PARTS_AT_ONCE`
    parts in hand, so that one is computed while another waits for the store. When one is lost, alone or with its node,
    what is missing is dealt out again to as many as the cluster has room for by then.

    Raises:
        ClusterError: actors were lost too often.
    """
    ray = connect()
    waiting = {job.key: job for job in jobs}
    for _ in range(1 + MAX_LOSSES):
        try:
            for part in _run_pool(ray, store, stage, list(waiting.values())):
                del waiting[part.key]
                yield part
            return
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            lost = error
        # some may have been done, but not reported
        for key, part in store.complete_parts(stage, list(waiting)).items():
            del waiting[key]
            yield part
        if not waiting:
            return
    reason = " ".join(str(lost).split())
    raise errors.ClusterError(f"{stage}: workers were lost {MAX_LOSSES + 1} times; what they made is kept: {reason}")


def _run_pool(ray: Any, store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """Run jobs on a pool of actors; a lost one ends it with what Ray raises."""
    from ray.util.annotations import RayDeprecationWarning

    context = ray.data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # importing ray.data sets its own level
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # `from_items` needs no read task, which would wait for ever for a CPU when actors hold them all
    numbers = ray.data.from_items([{"number": number} for number in range(len(jobs))], override_num_blocks=len(jobs))
    shared = ray.put(jobs)
    resources, actors = _actors(jobs)
    with warnings.catch_warnings():
        # from Ray 2.64 on there is no `max_restarts`
        warnings.simplefilter("ignore", RayDeprecationWarning)
        done = numbers.map_batches(
            _PartMaker,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                size=actors,
                max_tasks_in_flight_per_actor=PARTS_AT_ONCE,
                max_concurrent_calls_per_actor=PARTS_AT_ONCE,
                enable_true_multi_threading=True,
            ),
            fn_constructor_args=(store.url, stage, [shared], flow_run_id()),
            # a lost actor would be started anew as soon as there is room, and its parts wait for it: for ever, where a
            # node is lost and none comes in its place
            max_restarts=0,
            **resources,
        )
    for row in done.iter_rows():
        if row["error"]:
            raise getattr(errors, row["error"])(row["reason"])
        yield Part.from_json(row["part"], f"part of {stage}")


def _actors(jobs: list[Job]) -> tuple[dict[str, float], int]:
    """What an actor takes, and how many of them the cluster holds."""
    import ray

    cluster = ray.cluster_resources()
    job = jobs[0]
    gpus = job.gpus if cluster.get("GPU") else 0.0
    room = cpus() / job.cpus
    if gpus:
        room = min(room, cluster["GPU"] / gpus)
    return {"num_cpus": job.cpus, "num_gpus": gpus}, max(1, min(int(room), len(jobs)))


class _PartMaker:
    """Makes the parts whose numbers come in; the jobs are fetched once an actor."""

    def __init__(self, store_url: str, stage: str, shared: list[Any], run: str) -> None:
        import ray

        self._store_url = store_url
        self._stage = stage
        self._run = run
        self._jobs: list[Job] = ray.get(shared[0])

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        rows = [self._make(self._jobs[number]) for number in batch["number"]]
        return {name: [row[name] for row in rows] for name in ("part", "error", "reason")}

    def _make(self, job: Job) -> dict[str, Any]:
        # what a user can mend travels as data: Ray Data would wrap the error, log it and lose its class
        try:
            return {
                "part": make_part(self._store_url, self._stage, job, self._run).to_json(),
                "error": "",
                "reason": "",
            }
        except errors.KwsError as error:
            return {"part": b"", "error": type(error).__name__, "reason": str(error)}


@dataclass(frozen=True)
class Featurise:
    """Makes one part of features from one of segments."""

    config: FeaturesConfig
    part: Part
    copies: CopiesConfig | None
    may_use_gpu: bool

    def __call__(self, store: Store) -> PartStream:
        """Read, decode and compute as the rows are written."""
        import torch

        from kws_core.features.decode import COLUMNS
        from kws_core.features.part import BATCH, featurise_batches

        device = torch.device("cuda" if self.may_use_gpu and torch.cuda.is_available() else "cpu")
        batches = store.read_batches(segments_stage.STAGE, self.part, COLUMNS, BATCH)
        return featurise_batches(batches, self.config, self.copies, device)
