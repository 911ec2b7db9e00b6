"""The search itself on Ray Tune: set up or taken up again, run, and put into a document."""

import math
import os
from typing import Any

from kws_core.config import Experiment
from kws_core.errors import TrainingError
from tasks.cluster import cause, connect
from tasks.places import Places
from tasks.search_space import drawn_trial, tune_space
from tasks.search_state import state_url
from tasks.search_trial import FAILURE, FIGURES, HISTORY, METRIC, train_trial
from tasks.training_input import TrainingInput

MAX_FAILURES = 3
"""How often a trial is taken up from its last epoch after its worker or node was lost."""


def run_search(places: Places, experiment: Experiment, given: TrainingInput, start: str, key: str) -> dict[str, Any]:
    """Run the trials, or go on with those of a killed driver; returns the document that ranks them.

    The document's `trials` have values, figures, a `number`, a `state` (`finished`, or `stopped` early) and a
    `history` of epochs; its `failed` trials have an `error` in place of figures.

    Raises:
        TrainingError: no trial can run here.
    """
    ray = connect()
    from ray import tune

    _check_resources(ray, experiment)
    given.load(places, experiment)  # builds the mapped cache once, before trials ask for it
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
    return _document(results, experiment)


def _new_tuner(experiment: Experiment, trainable: Any, folder: str) -> Any:
    from ray import tune

    from tasks.search_progress import SearchProgress

    settings = experiment.search
    storage, _, name = folder.rpartition("/")
    # a population's worse trials read checkpoints of better ones, which may be some epochs ahead by then
    kept = settings.population.interval_epochs + 2 if settings.scheduler == "pbt" else 1
    return tune.Tuner(
        trainable,
        param_space=tune_space(experiment),
        tune_config=tune.TuneConfig(
            metric=METRIC,
            mode="min",
            num_samples=settings.trials,
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
            checkpoint_config=tune.CheckpointConfig(num_to_keep=kept),
        ),
    )


def _searcher(experiment: Experiment) -> Any:
    if experiment.search.scheduler == "pbt":
        from ray.tune.search import BasicVariantGenerator

        return BasicVariantGenerator(random_state=experiment.seed)
    import optuna
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searcher = OptunaSearch(metric=METRIC, mode="min", seed=experiment.seed)
    return ConcurrencyLimiter(searcher, max_concurrent=experiment.search.parallel_trials)


def _scheduler(experiment: Experiment) -> Any:
    settings = experiment.search
    match settings.scheduler:
        case "asha":
            from ray.tune.schedulers import ASHAScheduler

            return ASHAScheduler(
                time_attr="epoch",
                max_t=settings.max_epochs,
                grace_period=settings.grace_epochs,
                reduction_factor=settings.reduction_factor,
            )
        case "pbt":
            from tasks.search_population import SeededPopulation

            return SeededPopulation(experiment)
        case "none":
            from ray.tune.schedulers import FIFOScheduler

            return FIFOScheduler()


def _document(results: Any, experiment: Experiment) -> dict[str, Any]:
    trials, failed = [], []
    spans: list[tuple[float, float]] = []
    # a result without metrics does not know its values; the trial it is of does
    configs = [trial.config for trial in results._experiment_analysis.trials]
    for number, (result, config) in enumerate(zip(results, configs, strict=True)):
        metrics = result.metrics or {}
        named = {"number": number, **drawn_trial(experiment, config)}
        if "timestamp" in metrics:
            spans.append((metrics["timestamp"] - metrics["time_total_s"], metrics["timestamp"]))
        if result.error is not None:
            failed.append({**named, "error": _sentence(result.error), "history": metrics.get(HISTORY, [])})
        elif FAILURE in metrics:
            failed.append({**named, "error": metrics[FAILURE], "history": metrics[HISTORY]})
        else:
            state = "finished" if metrics["epoch"] >= experiment.search.max_epochs else "stopped"
            figures = {name: metrics[name] for name in FIGURES}
            trials.append({**named, **figures, "state": state, "history": metrics[HISTORY]})
    trials.sort(key=_rank)
    seconds = max(end for _, end in spans) - min(begin for begin, _ in spans) if spans else 0.0
    return {"trials": trials, "failed": failed, "seconds": round(seconds, 1)}


def _rank(trial: dict[str, Any]) -> tuple[float, float, int]:
    """Best first; a figure that was not measured is the worst there is."""
    eer, frr = (math.inf if math.isnan(trial[name]) else trial[name] for name in (METRIC, "development_frr"))
    return eer, frr, -trial["epoch"]


def _sentence(error: BaseException) -> str:
    """What an error says, without Ray's traceback."""
    inner = cause(error) if isinstance(error, Exception) else error
    lines = str(inner).strip().splitlines()
    return lines[-1].strip() if lines else type(inner).__name__


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
