"""Several workers that train together: Ray Train on CPUs (gloo) or GPUs (NCCL), through lost workers and nodes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kws_core.config import RefitConfig
from kws_core.errors import ClusterError, KwsError, StoreError

CONTROLLER_FAILURES = 3
START_TIMEOUT_S = 300
"""A cluster that grows by need takes minutes to a new node."""
POLL_S = 0.5


def train_on_workers(train: Callable[[str], None], settings: RefitConfig, gpus: bool, folder: Path, name: str) -> None:
    """Call `train(device)` on every worker of one torch process group; runs as a Ray task.

    Workers that are lost are replaced, up to `settings.max_failures` times, by as many as the cluster has room for,
    and `train` is called again: it goes on from what it stored. `folder` and `name` say where Ray Train keeps its own
    notes.

    Raises:
        KwsError: `train` said what is wrong; it is not tried again, unless the store could not be reached.
        ClusterError: workers could not be started or were lost too often.
    """
    # Ray Train reads these when the controller starts; what the user set has precedence
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", str(START_TIMEOUT_S))
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", str(POLL_S))
    # a store in a folder may have been named relative to where the command runs
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    fixed = settings.min_workers == settings.max_workers
    trainer = TorchTrainer(
        _refusal,
        train_loop_config={"train": train},
        scaling_config=ScalingConfig(
            num_workers=settings.max_workers if fixed else (settings.min_workers, settings.max_workers),
            use_gpu=gpus,
            resources_per_worker=_resources(settings, gpus),
        ),
        run_config=RunConfig(
            name=name,
            storage_path=str(folder),
            failure_config=FailureConfig(
                max_failures=settings.max_failures, controller_failure_limit=CONTROLLER_FAILURES
            ),
        ),
    )
    try:
        refusal = trainer.fit().return_value
    except TrainingFailedError as error:
        raise _cause(error) from error
    if refusal is not None:
        raise refusal


def check_room(settings: RefitConfig, gpus: bool) -> None:
    """Raise `ClusterError` when this machine cannot hold the fewest workers; a cluster that is given may still grow."""
    import ray

    if os.environ.get("RAY_ADDRESS", "local") != "local":
        return
    there = ray.cluster_resources()
    for resource, each in _resources(settings, gpus).items():
        needed, found = settings.min_workers * each, int(there.get(resource, 0))
        if found < needed:
            raise ClusterError(
                f"refit.min_workers = {settings.min_workers} workers need {needed} {resource}s, and this machine has "
                f"{found}: lower it, or set RAY_ADDRESS to a larger cluster"
            )


def _resources(settings: RefitConfig, gpus: bool) -> dict[str, int]:
    return {"CPU": settings.cpus_per_worker or 1, **({"GPU": 1} if gpus else {})}


def _refusal(config: dict[str, Any]) -> KwsError | None:
    """Train; what a repetition would not change is returned, since Ray Train repeats whatever is raised."""
    from ray.train.torch import get_device

    try:
        config["train"](str(get_device()))
    except StoreError:
        raise
    except KwsError as error:
        return error
    return None


def _cause(error: Exception) -> KwsError:
    """What a worker said first, as one sentence."""
    failures = getattr(error, "worker_failures", {}).values()
    causes = [getattr(failure, "cause", None) or failure for failure in failures]
    for found in causes:
        if isinstance(found, KwsError):
            return found
    lines = str(causes[0] if causes else error).strip().splitlines() or [type(error).__name__]
    return ClusterError(f"the workers of the refit failed: {lines[-1]}")
