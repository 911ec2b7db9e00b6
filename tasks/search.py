"""Hyper-parameter search: Ray Tune with ASHA and Optuna over loss, learning rate and encoder."""

import tempfile
from pathlib import Path
from typing import Any

from kws_core.config import EncoderConfig, Experiment, LossConfig, StrategyConfig, TrainingSpec, Uniform
from kws_core.errors import TrainingError
from kws_core.fingerprint import fingerprint
from tasks.cluster import cause, connect
from tasks.console import bar, say
from tasks.places import Places
from tasks.stage import stage_task
from tasks.starting_bundle import pin_starting_bundle, with_local_bundle
from tasks.training_input import TrainingInput

KIND = "search"
VERSION = 3
METRIC = "development_eer"
CHECKPOINT = "checkpoint.pt"
SCALED_LOSSES = frozenset({"normalised_softmax", "am_softmax", "aam_softmax"})
"""Losses that have a scale to search."""
MARGIN_LOSSES = frozenset({"am_softmax", "aam_softmax", "contrastive", "triplet"})
"""Losses that have a margin to search."""


@stage_task("search")
def search(places: Places, experiment: Experiment, given: TrainingInput) -> str:
    """Try configurations on development trials; returns the key of the document that ranks them.

    Trials of a two-stage strategy are its first stage, on the classes as they are: that is what the searched values
    belong to.
    """
    store = places.store()
    start = pin_starting_bundle(places, experiment.strategy)
    spec = training_spec(experiment, experiment.search.encoders[0])
    content = [spec.loss, spec.sampling, spec.training, spec.augmentation, experiment.search, experiment.seed, start]
    key = fingerprint(KIND, VERSION, *content, given)
    document = store.read_document(KIND, key)
    if not experiment.search.trials:
        store.write_document(KIND, key, {"trials": [_as_given(experiment)], "failed": 0, "seconds": 0.0})
        say(KIND, f"no trials: {describe_trial(_as_given(experiment), experiment.loss)} as given")
        return key
    if document is None:
        document = _run(places, experiment, given, start, key)
        store.write_document(KIND, key, document)
        effort = f"{len(document['trials'])} trials in {document['seconds']:.0f} s"
    else:
        effort = "nothing to compute"
    best = document["trials"][0]
    tried = f"best of {len(document['trials'])}: {describe_trial(best, experiment.loss)}"
    say(KIND, f"{tried}, EER {best[METRIC]:.2%}, {effort}")
    return key


def searched_values(loss: LossConfig) -> tuple[str, ...]:
    """Names of the numbers that a search varies: the scale and the margin only where the loss has them."""
    scale = ("scale",) if loss.name in SCALED_LOSSES else ()
    margin = ("margin",) if loss.name in MARGIN_LOSSES else ()
    return (*scale, *margin, "learning_rate")


def configured(experiment: Experiment, trial: dict[str, Any]) -> tuple[Experiment, EncoderConfig]:
    """The experiment and the encoder with the values of a trial."""
    loss = experiment.loss.model_copy(update={"scale": trial["scale"], "margin": trial["margin"]})
    training = experiment.training.model_copy(update={"learning_rate": trial["learning_rate"]})
    encoder = EncoderConfig.model_validate(trial["encoder"])
    return experiment.model_copy(update={"loss": loss, "training": training}), encoder


def training_spec(experiment: Experiment, encoder: EncoderConfig) -> TrainingSpec:
    """The sections of the experiment that a training run reads."""
    return TrainingSpec(
        features=experiment.features,
        encoder=encoder,
        loss=experiment.loss,
        sampling=experiment.sampling,
        training=experiment.training,
        augmentation=experiment.augmentation,
    )


def describe_trial(trial: dict[str, Any], loss: LossConfig) -> str:
    """A trial's values in one line, with what the loss has no use for."""
    formats = {"scale": "scale {:.1f}", "margin": "margin {:.2f}", "learning_rate": "learning rate {:.1e}"}
    searched = searched_values(loss)
    values = [formats[name].format(trial[name]) for name in searched]
    unused = " and no ".join(name for name in formats if name not in searched)
    return ", ".join([trial["encoder"]["name"], *values, *([f"{loss.name} has no {unused}"] if unused else [])])


def train_trial(
    config: dict[str, Any], places: Places, experiment: Experiment, given: TrainingInput, start: str
) -> None:
    """One trial; runs on a Ray worker, reports and checkpoints every epoch."""
    from ray import tune

    from kws_core.strategies import train
    from kws_core.training import EpochReport

    chosen, encoder = configured(experiment, _trial_values(config, experiment))
    short = chosen.training.model_copy(update={"epochs": experiment.search.max_epochs})
    spec = training_spec(chosen.model_copy(update={"training": short}), encoder)
    is_two_stage = experiment.strategy.name == "two_stage"
    strategy = StrategyConfig() if is_two_stage else with_local_bundle(places, experiment.strategy, start)

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
    train(given.load(places, experiment), spec, strategy, experiment.seed, report, checkpoint, device(experiment))


def _as_given(experiment: Experiment) -> dict[str, Any]:
    """The configured values in the form of a trial, without figures."""
    loss, encoder = experiment.loss, experiment.search.encoders[0].model_dump(mode="json")
    values = {"scale": loss.scale, "margin": loss.margin, "learning_rate": experiment.training.learning_rate}
    return {**values, "encoder": encoder}


def _run(places: Places, experiment: Experiment, given: TrainingInput, start: str, key: str) -> dict[str, Any]:
    ray = connect()
    import optuna
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    given.load(places, experiment)  # builds the mapped cache once, before trials ask for it
    settings = experiment.search
    resources = {"cpu": settings.cpus_per_trial, "gpu": settings.gpus_per_trial}
    trainable = tune.with_resources(
        tune.with_parameters(train_trial, places=places, experiment=experiment, given=given, start=start), resources
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
    numbers = {name: domain(getattr(settings, name)) for name in searched_values(experiment.loss)}
    return {**numbers, "encoder": tune.choice(list(range(len(settings.encoders))))}


def _trial_values(config: dict[str, Any], experiment: Experiment) -> dict[str, Any]:
    encoder = experiment.search.encoders[config["encoder"]].model_dump(mode="json")
    fixed = {"scale": experiment.loss.scale, "margin": experiment.loss.margin}
    return {**fixed, **{name: config[name] for name in searched_values(experiment.loss)}, "encoder": encoder}


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


def device(experiment: Experiment) -> str:
    """Where training runs, as torch names it."""
    return "cuda" if experiment.search.gpus_per_trial else "cpu"


def _last_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else "nothing"
