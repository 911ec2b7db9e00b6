"""Stages without Ray, whose parts are made in this process; Ray itself has tests of its own."""

import pickle
from collections.abc import Iterator

import pytest

from kws_core.manifest import Part
from kws_core.store import Store
from tasks.parts import Executor, Job, make_part


def in_this_process(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """What the workers do, on jobs that came through a pickle as theirs do."""
    for job in jobs:
        yield make_part(store.url, stage, pickle.loads(pickle.dumps(job)))  # noqa: S301 - our own bytes


def without_ray(patch: pytest.MonkeyPatch, run: Executor = in_this_process) -> None:
    """All stages of parts use `run` as long as the patch holds."""
    for executor in ("tasks.parts.run_as_tasks", "tasks.align.run_as_tasks", "tasks.featurise.run_on_ray_data"):
        patch.setattr(executor, run)
