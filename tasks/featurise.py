"""Segments to the dataset `features`, by Ray Data with a pool of actors."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kws_core import errors
from kws_core import segments as segments_stage
from kws_core.config import Experiment, FeaturesConfig
from kws_core.manifest import Part, part_key
from kws_core.part import PartOutput
from kws_core.store import Store
from tasks.cluster import connect, cpus
from tasks.parts import Job, make_dataset, make_part
from tasks.places import Places
from tasks.stage import stage_task

STAGE = "features"
VERSION = 1


@stage_task("featurise")
def featurise(places: Places, experiment: Experiment, segments: str) -> str:
    """Compute the features of every segment; returns their fingerprint."""
    store = places.store()
    jobs = []
    for part in store.dataset(segments_stage.STAGE, segments).parts:
        key = part_key(STAGE, VERSION, experiment.features, [part.key])
        jobs.append(Job(key, part.corpus, _Featurise(experiment.features, part)))
    share = experiment.rejection.features
    return make_dataset(store, STAGE, VERSION, jobs, share, run_on_ray_data).fingerprint


def run_on_ray_data(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """One part a block; actors keep the front end loaded, write their parts and send back descriptions only."""
    ray = connect()
    context = ray.data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # importing ray.data sets its own level
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # `from_items` needs no read task, which would wait for ever for a CPU when actors hold them all
    numbers = ray.data.from_items([{"number": number} for number in range(len(jobs))], override_num_blocks=len(jobs))
    shared = ray.put(jobs)
    done = numbers.map_batches(
        _PartMaker,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(cpus(), len(jobs))),
        num_cpus=1,
        fn_constructor_args=(store.url, stage, [shared]),
    )
    for row in done.iter_rows():
        if row["error"]:
            raise getattr(errors, row["error"])(row["reason"])
        yield Part.from_json(row["part"], f"part of {stage}")


class _PartMaker:
    """Makes the parts whose numbers come in; the jobs are fetched once an actor."""

    def __init__(self, store_url: str, stage: str, shared: list[Any]) -> None:
        import ray

        self._store_url = store_url
        self._stage = stage
        self._jobs: list[Job] = ray.get(shared[0])

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        rows = [self._make(self._jobs[number]) for number in batch["number"]]
        return {name: [row[name] for row in rows] for name in ("part", "error", "reason")}

    def _make(self, job: Job) -> dict[str, Any]:
        # what a user can mend travels as data: Ray Data would wrap the error, log it and lose its class
        try:
            return {"part": make_part(self._store_url, self._stage, job).to_json(), "error": "", "reason": ""}
        except errors.KwsError as error:
            return {"part": b"", "error": type(error).__name__, "reason": str(error)}


@dataclass(frozen=True)
class _Featurise:
    config: FeaturesConfig
    part: Part

    def __call__(self, store: Store) -> PartOutput:
        from kws_core.features import featurise_part

        return featurise_part(store.read_part(segments_stage.STAGE, self.part), self.config)
