"""The search itself on Ray: set up or taken up again, run, and put into a document."""

import logging
import os
from typing import Any

from kws_core.config import Experiment
from kws_core.errors import TrainingError
from tasks.cluster import cause, connect
from tasks.places import Places
from tasks.search_document import tuned_document
from tasks.search_population import run_population
from tasks.search_space import tune_space
from tasks.search_state import state_url
from tasks.search_trial import MAX_FAILURES, METRIC, train_trial
from tasks.training_input import TrainingInput


def run_search(places: Places, experiment: Experiment, given: TrainingInput, start: str, key: str) -> dict[str, Any]:
    """Run the trials, or go on with those of a killed driver; returns the document that ranks them.

    The document's `trials` have values, figures, a `number`, a `state` (`finished`, or `stopped` early) and a
    `history` of epochs; its `failed` trials have an `error` in place of figures.

    Raises:
        TrainingError: no trial can run here.
    """
    ray = connect()
    _check_resources(ray, experiment)
    given.load(places, experiment)  # builds the mapped cache once, before trials ask for it
    if experiment.search.scheduler == "pbt":
        return run_population(places, experiment, given, start, key)
    from ray import tune

    _keep_credentials_out_of_logs()
    # tells, with a traceback, that a folder could not be made, which S3 does not need; what needs it tells by itself
    logging.getLogger("ray.train._internal.storage").setLevel(logging.CRITICAL)
    settings = experiment.search
    trainable = tune.with_resources(
        tune.with_parameters(train_trial, places=places, experiment=experiment, given=given, start=start),
        {"cpu": settings.cpus_per_trial, "gpu": settings.gpus_per_trial},
    )
    folder = state_url(places, key)
    if tune.Tuner.can_restore(folder):
        tuner = tune.Tuner.restore(folder, trainable=trainable, resume_unfinished=True, restart_errored=True)
    else:
        tuner = _new_tuner(experiment, trainable, folder)
    try:
        results = tuner.fit()
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None
    return tuned_document(results, experiment)


def _keep_credentials_out_of_logs() -> None:
    """Ray Tune hands the driver's AWS keys to its trials, and Ray's agents log what is handed on, in clear.

    Trials take them from the environment of their node instead, as all other tasks do.
    """
    from ray.tune.execution import class_cache

    class_cache.ENV_VARS_TO_PROPAGATE -= {name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")}


def _new_tuner(experiment: Experiment, trainable: Any, folder: str) -> Any:
    from ray import tune

    from tasks.search_progress import SearchProgress

    storage, _, name = folder.rpartition("/")
    return tune.Tuner(
        trainable,
        param_space=tune_space(experiment),
        tune_config=tune.TuneConfig(
            metric=METRIC,
            mode="min",
            num_samples=experiment.search.trials,
            search_alg=_searcher(experiment),
            scheduler=_scheduler(experiment),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=storage,
            verbose=0,
            callbacks=[SearchProgress(experiment)],
            failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        ),
    )


def _searcher(experiment: Experiment) -> Any:
    import optuna
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searcher = OptunaSearch(metric=METRIC, mode="min", seed=experiment.seed)
    return ConcurrencyLimiter(searcher, max_concurrent=experiment.search.parallel_trials)


def _scheduler(experiment: Experiment) -> Any:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    settings = experiment.search
    if settings.scheduler == "none":
        return FIFOScheduler()
    return ASHAScheduler(
        time_attr="epoch",
        max_t=settings.max_epochs,
        grace_period=settings.grace_epochs,
        reduction_factor=settings.reduction_factor,
    )


def _check_resources(ray: Any, experiment: Experiment) -> None:
    """Refuse trials that this machine can never run; a cluster may still grow."""
    if os.environ.get("RAY_ADDRESS", "local") != "local":
        return
    settings, available = experiment.search, ray.cluster_resources()
    for name, wanted in (("CPU", settings.cpus_per_trial), ("GPU", settings.gpus_per_trial)):
        if wanted > available.get(name, 0.0):
            raise TrainingError(
                f"search.{name.lower()}s_per_trial is {wanted:g}, but this machine has {available.get(name, 0.0):g} "
                f"{name}s: lower it, or name a cluster in RAY_ADDRESS"
            )
