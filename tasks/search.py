"""Hyper-parameter search: Ray Tune with ASHA and Optuna over loss, learning rate and encoder."""

import tempfile
from pathlib import Path
from typing import Any

from kws_core.config import EncoderConfig, Experiment, Uniform
from kws_core.errors import TrainingError
from kws_core.fingerprint import fingerprint
from tasks.cluster import cause, connect
from tasks.console import bar, say
from tasks.places import Places
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

KIND = "search"
VERSION = 2
METRIC = "development_eer"
CHECKPOINT = "checkpoint.pt"


@stage_task("search")
def search(places: Places, experiment: Experiment, given: TrainingInput) -> str:
    """Try configurations on development trials; returns the key of the document that ranks them."""
    store = places.store()
    content = [experiment.search, experiment.training, experiment.loss, experiment.augmentation, experiment.seed]
    key = fingerprint(KIND, VERSION, *content, given)
    document = store.read_document(KIND, key)
    if document is None:
        document = _run(places, experiment, given, key)
        store.write_document(KIND, key, document)
        effort = f"{len(document['trials'])} trials in {document['seconds']:.0f} s"
    else:
        effort = "nothing to compute"
    best = document["trials"][0]
    say(KIND, f"best of {len(document['trials'])}: {describe_trial(best)}, EER {best[METRIC]:.2%}, {effort}")
    return key


def configured(experiment: Experiment, trial: dict[str, Any]) -> tuple[Experiment, EncoderConfig]:
    """The experiment and the encoder with the values of a trial."""
    loss = experiment.loss.model_copy(update={"scale": trial["scale"], "margin": trial["margin"]})
    training = experiment.training.model_copy(update={"learning_rate": trial["learning_rate"]})
    encoder = EncoderConfig.model_validate(trial["encoder"])
    return experiment.model_copy(update={"loss": loss, "training": training}), encoder


def describe_trial(trial: dict[str, Any]) -> str:
    """A trial's values in one line."""
    return (
        f"{trial['encoder']['name']}, scale {trial['scale']:.1f}, margin {trial['margin']:.2f}, "
        f"learning rate {trial['learning_rate']:.1e}"
    )


def train_trial(config: dict[str, Any], places: Places, experiment: Experiment, given: TrainingInput) -> None:
    """One trial; runs on a Ray worker, reports and checkpoints every epoch."""
    from ray import tune

    from kws_core.training import EpochReport, fit

    chosen, encoder = configured(experiment, _trial_values(config, experiment))
    short = chosen.training.model_copy(update={"epochs": experiment.search.max_epochs})

    def report(figures: EpochReport, dump: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / CHECKPOINT).write_bytes(dump())
            metrics = {"loss": figures.loss, METRIC: figures.development_eer, "epoch": figures.epoch}
            metrics["development_frr"] = figures.development_frr
            tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))

    saved = tune.get_checkpoint()
    checkpoint = None
    if saved is not None:
        with saved.as_directory() as folder:
            checkpoint = (Path(folder) / CHECKPOINT).read_bytes()
    data = given.load(places, experiment.features)
    fit(
        data,
        experiment.features,
        encoder,
        chosen.loss,
        short,
        experiment.augmentation,
        experiment.seed,
        report,
        checkpoint,
        _device(experiment),
    )


def _run(places: Places, experiment: Experiment, given: TrainingInput, key: str) -> dict[str, Any]:
    ray = connect()
    import optuna
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    given.load(places, experiment.features)  # builds the mapped cache once, before trials ask for it
    settings = experiment.search
    resources = {"cpu": settings.cpus_per_trial, "gpu": settings.gpus_per_trial}
    trainable = tune.with_resources(
        tune.with_parameters(train_trial, places=places, experiment=experiment, given=given), resources
    )
    folder = places.ray_results / key[:16]
    if tune.Tuner.can_restore(str(folder)):
        tuner = tune.Tuner.restore(str(folder), trainable=trainable, resume_unfinished=True, restart_errored=True)
    else:
        searcher = OptunaSearch(metric=METRIC, mode="min", seed=experiment.seed)
        tuner = tune.Tuner(
            trainable,
            param_space=_space(experiment),
            tune_config=tune.TuneConfig(
                metric=METRIC,
                mode="min",
                num_samples=settings.trials,
                search_alg=ConcurrencyLimiter(searcher, max_concurrent=settings.parallel_trials),
                scheduler=ASHAScheduler(
                    time_attr="epoch",
                    max_t=settings.max_epochs,
                    grace_period=settings.grace_epochs,
                    reduction_factor=settings.reduction_factor,
                ),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=folder.name,
                storage_path=str(folder.parent),
                verbose=0,
                callbacks=[_progress_callback(settings.trials)],
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            ),
        )
    try:
        results = tuner.fit()
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None
    return _document(results, experiment)


def _document(results: Any, experiment: Experiment) -> dict[str, Any]:
    trials = []
    for result in results:
        if result.error is None and METRIC in (result.metrics or {}):
            figures = {name: result.metrics[name] for name in (METRIC, "development_frr", "loss", "epoch")}
            trials.append({**_trial_values(result.config, experiment), **figures})
    if not trials:
        first = next((result.error for result in results if result.error is not None), None)
        raise TrainingError(f"every trial of the search failed; the first said: {_last_line(first)}")
    seconds = max((result.metrics or {}).get("timestamp", 0) for result in results)
    started = min(
        (result.metrics or {}).get("timestamp", 0) - (result.metrics or {}).get("time_total_s", 0) for result in results
    )
    trials.sort(key=lambda trial: (trial[METRIC], trial["development_frr"], -trial["epoch"]))
    return {"trials": trials, "failed": len(results) - len(trials), "seconds": round(seconds - started, 1)}


def _space(experiment: Experiment) -> dict[str, Any]:
    from ray import tune

    def domain(values: Uniform) -> Any:
        return (tune.loguniform if values.log else tune.uniform)(values.low, values.high)

    settings = experiment.search
    return {
        "scale": domain(settings.scale),
        "margin": domain(settings.margin),
        "learning_rate": domain(settings.learning_rate),
        "encoder": tune.choice(list(range(len(settings.encoders)))),
    }


def _trial_values(config: dict[str, Any], experiment: Experiment) -> dict[str, Any]:
    encoder = experiment.search.encoders[config["encoder"]].model_dump(mode="json")
    return {**{name: config[name] for name in ("scale", "margin", "learning_rate")}, "encoder": encoder}


def _progress_callback(trials: int) -> Any:
    from ray.tune import Callback

    class Progress(Callback):
        """Moves the terminal's bar as trials end."""

        def setup(self, **info: Any) -> None:
            self._context = bar(KIND, trials)
            self._bar = self._context.__enter__()

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            self._bar.advance(f"EER {trial.last_result.get(METRIC, float('nan')):.2%}")

        def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
            self._context.__exit__(None, None, None)

    return Progress()


def _device(experiment: Experiment) -> str:
    return "cuda" if experiment.search.gpus_per_trial else "cpu"


def _last_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else "nothing"
