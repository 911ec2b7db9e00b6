"""One trial of the search, on a Ray worker: it reports and checkpoints every epoch."""

import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws_core.config import Experiment, StrategyConfig
from kws_core.errors import ConfigError, TrainingError
from tasks.places import Places
from tasks.search_space import configured, device, drawn_trial, training_spec
from tasks.starting_bundle import with_local_bundle
from tasks.training_input import TrainingInput

if TYPE_CHECKING:
    from kws_core.training import OnEpoch

METRIC = "development_eer"
FIGURES = (METRIC, "development_frr", "loss", "epoch")
FAILURE = "failure"
"""Key of the sentence that a failed trial reports."""
HISTORY = "history"
"""Key of what a trial reports of all its epochs: figures, values and the time at their end."""
CHECKPOINT, HISTORY_FILE = "checkpoint.pt", "history.json"
MAX_FAILURES = 3
"""How often a trial is taken up from its last epoch after its worker or node was lost."""


def train_trial(
    config: dict[str, Any], places: Places, experiment: Experiment, given: TrainingInput, start: str
) -> None:
    """Train one trial of Tune's, or go on with it; what its values cannot do is reported, not raised or retried."""
    from ray import tune

    history: list[dict[str, Any]] = []
    checkpoint = None
    saved = tune.get_checkpoint()
    if saved is not None:
        with saved.as_directory() as folder:
            checkpoint = (Path(folder) / CHECKPOINT).read_bytes()
            history += json.loads((Path(folder) / HISTORY_FILE).read_bytes())
    trial = drawn_trial(experiment, config)

    def report(figures: Any, dump: Callable[[], bytes]) -> None:
        history.append(epoch_record(figures, trial))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / CHECKPOINT).write_bytes(dump())
            (Path(folder) / HISTORY_FILE).write_text(json.dumps(history), encoding="utf-8")
            metrics = {name: getattr(figures, name) for name in FIGURES}
            kept = tune.Checkpoint.from_directory(folder)
            tune.report({**metrics, HISTORY: history.copy()}, checkpoint=kept)

    try:
        fit_trial(trial, places, experiment, given, start, report, checkpoint)
    except (ConfigError, TrainingError) as error:
        # the worst there is, at the end of the training: the searcher learns from it and the scheduler lets go of it
        worst = dict.fromkeys(FIGURES, math.inf) | {"epoch": experiment.search.max_epochs}
        tune.report({**worst, FAILURE: str(error), HISTORY: history})


def fit_trial(
    trial: dict[str, Any],
    places: Places,
    experiment: Experiment,
    given: TrainingInput,
    start: str,
    on_epoch: "OnEpoch",
    checkpoint: bytes | None,
) -> None:
    """Train with the values of a trial for `search.max_epochs`, or go on from a checkpoint.

    Trials of a two-stage strategy are its first stage, on the classes as they are: that is what the searched values
    belong to. With a population the checkpoint may be of other values, as far as they change between epochs.

    Raises:
        ConfigError: the values do not go together.
        TrainingError: they cannot be trained with.
    """
    from kws_core.strategies import train
    from kws_core.training.adopted_checkpoint import adopt_checkpoint

    chosen, encoder = configured(experiment, trial)
    short = chosen.training.model_copy(update={"epochs": experiment.search.max_epochs})
    spec = training_spec(chosen.model_copy(update={"training": short}), encoder)
    is_two_stage = experiment.strategy.name == "two_stage"
    strategy = StrategyConfig() if is_two_stage else with_local_bundle(places, experiment.strategy, start)
    if checkpoint is not None and experiment.search.scheduler == "pbt":
        checkpoint = adopt_checkpoint(checkpoint, spec)
    train(given.load(places, experiment), spec, strategy, experiment.seed, on_epoch, checkpoint, device(experiment))


def epoch_record(figures: Any, trial: dict[str, Any]) -> dict[str, Any]:
    """An epoch of a trial's history: figures (None for what was not measured), values and the time in seconds."""
    plain = figures.plain()
    return {**{name: plain[name] for name in FIGURES}, "values": trial["values"], "time": time.time()}
