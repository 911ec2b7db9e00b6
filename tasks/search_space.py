"""Trials as values: from the experiment to what Ray Tune draws from, and from a trial back to an experiment."""

from collections.abc import Mapping
from typing import Any

from kws_core.config import EncoderConfig, Experiment, TrainingSpec
from kws_core.config.search import Choice
from kws_core.config.search_space import is_whole, searched_values, value_at, with_values

ENCODER = "encoder"
"""In what Tune draws: the number of one of `search.encoders`."""
FORMATS = {"loss.scale": "{:.1f}", "loss.margin": "{:.2f}", "training.learning_rate": "{:.1e}"}


def configured(experiment: Experiment, trial: Mapping[str, Any]) -> tuple[Experiment, EncoderConfig]:
    """The experiment and the encoder with the values of a trial; raises `ConfigError` when they do not go together."""
    encoder = EncoderConfig.model_validate(trial["encoder"])
    return with_values(experiment, encoder, trial["values"])


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


def as_given(experiment: Experiment) -> dict[str, Any]:
    """The configured values in the form of a trial, without figures."""
    encoder = experiment.search.encoders[0]
    values = {path: value_at(experiment, encoder, path) for path in searched_values(experiment)}
    return {"values": values, "encoder": encoder.model_dump(mode="json")}


def drawn_trial(experiment: Experiment, config: Mapping[str, Any]) -> dict[str, Any]:
    """What Tune drew, in the form of a trial."""
    encoder = experiment.search.encoders[config[ENCODER]]
    return {
        "values": {path: config[path] for path in searched_values(experiment)},
        "encoder": encoder.model_dump(mode="json"),
    }


def tune_space(experiment: Experiment) -> dict[str, Any]:
    """What Tune draws a trial from, by dotted name; ranges of whole numbers include both ends."""
    from ray import tune

    space: dict[str, Any] = {}
    for path in searched_values(experiment):
        domain = experiment.search.space[path]
        if isinstance(domain, Choice):
            space[path] = tune.choice(list(domain.choice))
        elif is_whole(path):
            space[path] = (tune.lograndint if domain.log else tune.randint)(int(domain.low), int(domain.high) + 1)
        else:
            space[path] = (tune.loguniform if domain.log else tune.uniform)(domain.low, domain.high)
    return {**space, ENCODER: tune.choice(list(range(len(experiment.search.encoders))))}


def describe_trial(trial: Mapping[str, Any], experiment: Experiment) -> str:
    """A trial's values in one line, with what of the space the loss has no use for."""
    searched = searched_values(experiment)
    values = [f"{_words(path)} {_number(path, trial['values'][path])}" for path in searched]
    unused = " and no ".join(_words(path) for path in experiment.search.space if path not in searched)
    said = [f"{experiment.loss.name} has no {unused}"] if unused else []
    return ", ".join([trial["encoder"]["name"], *values, *said])


def device(experiment: Experiment) -> str:
    """Where training runs, as torch names it."""
    return "cuda" if experiment.search.gpus_per_trial else "cpu"


def _words(path: str) -> str:
    return path.rpartition(".")[2].replace("_", " ")


def _number(path: str, value: Any) -> str:
    if isinstance(value, float):
        return FORMATS.get(path, "{:.3g}").format(value)
    return str(value)
