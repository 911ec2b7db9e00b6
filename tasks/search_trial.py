"""One trial of the search, on a Ray worker: it reports and checkpoints every epoch."""

import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from kws_core.config import Experiment, StrategyConfig
from kws_core.errors import ConfigError, TrainingError
from tasks.places import Places
from tasks.search_space import configured, device, drawn_trial, training_spec
from tasks.starting_bundle import with_local_bundle
from tasks.training_input import TrainingInput

METRIC = "development_eer"
FIGURES = (METRIC, "development_frr", "loss", "epoch")
FAILURE = "failure"
"""Key of the sentence that a failed trial reports."""
HISTORY = "history"
"""Key of what a trial reports of all its epochs: figures, values and the time at their end."""
CHECKPOINT, HISTORY_FILE = "checkpoint.pt", "history.json"


def train_trial(
    config: dict[str, Any], places: Places, experiment: Experiment, given: TrainingInput, start: str
) -> None:
    """Train one trial, or go on with it; what its values cannot do is reported, not raised, so it is not retried.

    Trials of a two-stage strategy are its first stage, on the classes as they are: that is what the searched values
    belong to.
    """
    from ray import tune

    history: list[dict[str, Any]] = []
    try:
        _train(config, places, experiment, given, start, history)
    except (ConfigError, TrainingError) as error:
        # the worst there is, at the end of the training: the searcher learns from it and the scheduler lets go of it
        worst = dict.fromkeys(FIGURES, math.inf) | {"epoch": experiment.search.max_epochs}
        tune.report({**worst, FAILURE: str(error), HISTORY: history})


def _train(
    config: dict[str, Any],
    places: Places,
    experiment: Experiment,
    given: TrainingInput,
    start: str,
    history: list[dict[str, Any]],
) -> None:
    from ray import tune

    from kws_core.strategies import train
    from kws_core.training import EpochReport
    from kws_core.training.adopted_checkpoint import adopt_checkpoint

    trial = drawn_trial(experiment, config)
    chosen, encoder = configured(experiment, trial)
    short = chosen.training.model_copy(update={"epochs": experiment.search.max_epochs})
    spec = training_spec(chosen.model_copy(update={"training": short}), encoder)
    is_two_stage = experiment.strategy.name == "two_stage"
    strategy = StrategyConfig() if is_two_stage else with_local_bundle(places, experiment.strategy, start)

    checkpoint = None
    saved = tune.get_checkpoint()
    if saved is not None:
        with saved.as_directory() as folder:
            checkpoint = (Path(folder) / CHECKPOINT).read_bytes()
            history += json.loads((Path(folder) / HISTORY_FILE).read_bytes())
        if experiment.search.scheduler == "pbt":
            checkpoint = adopt_checkpoint(checkpoint, spec)

    def report(figures: EpochReport, dump: Any) -> None:
        plain = figures.plain()
        history.append({**{name: plain[name] for name in FIGURES}, "values": trial["values"], "time": time.time()})
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / CHECKPOINT).write_bytes(dump())
            (Path(folder) / HISTORY_FILE).write_text(json.dumps(history), encoding="utf-8")
            metrics = {name: getattr(figures, name) for name in FIGURES}
            checkpoint = tune.Checkpoint.from_directory(folder)
            tune.report({**metrics, HISTORY: history.copy()}, checkpoint=checkpoint)

    train(given.load(places, experiment), spec, strategy, experiment.seed, report, checkpoint, device(experiment))
