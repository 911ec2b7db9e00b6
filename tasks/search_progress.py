"""The search at the terminal: how many trials run, ended and failed, and the best so far."""

import logging
import time
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kws_core.config import Experiment
from tasks.console import console, say
from tasks.logs import log
from tasks.only_one import check_still_one
from tasks.search_space import describe_trial, drawn_trial
from tasks.search_trial import FAILURE, METRIC
from tasks.stage_progress import StageProgress

STAGE = "search"
QUIET_S = 60.0
"""Where there is no terminal: the longest time without a line."""


class SearchProgress(Callback):
    """A live line on a terminal; elsewhere a plain line for every trial that ends, and one a minute between them."""

    def __init__(self, experiment: Experiment) -> None:
        """Show the trials of this experiment; nothing is shown before the search starts."""
        self._experiment = experiment

    def setup(self, **info: Any) -> None:
        """The search starts, or goes on."""
        # Tune logs a traceback for every worker that is lost; here it is a line
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        columns = [
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        ]
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(STAGE, total=self._experiment.search.trials, note="")
        self._bar.start()
        self._told = StageProgress(STAGE)
        self._said = time.monotonic()

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Something may have moved, or another run have taken the search over."""
        check_still_one()
        ended = sum(trial.is_finished() for trial in trials)
        note = describe_state(trials, self._experiment)
        self._bar.update(self._task, completed=ended, note=note)
        self._told.moved(trained_share(trials, self._experiment))
        if not console.is_terminal and time.monotonic() - self._said > QUIET_S:
            self._said = time.monotonic()
            # of no more use when the search has ended, so it is no line of its summary
            text = ", ".join(filter(None, [f"{ended} of {self._experiment.search.trials} trials have ended", note]))
            log(logging.INFO, STAGE, text)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial was trained to its end, stopped early, or its values cannot be trained with."""
        self._ended(trials, trial, failed=FAILURE in trial.last_result)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial failed in a way that trying again did not help."""
        self._ended(trials, trial, failed=True)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial has lost its worker or node and will go on from its last epoch."""
        if not console.is_terminal:
            number, epoch = trials.index(trial) + 1, trial.last_result.get("epoch", 0)
            self._line(f"trial {number} has lost its worker and goes on after epoch {epoch}")

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """The live line vanishes."""
        self._bar.stop()
        self._told.close()

    def _ended(self, trials: list[Trial], trial: Trial, failed: bool) -> None:
        if console.is_terminal:
            return
        epochs, last = self._experiment.search.max_epochs, trial.last_result
        what = describe_trial(drawn_trial(self._experiment, trial.config), self._experiment)
        if failed:
            how = "failed"  # why is said in the end, on a terminal too
        else:
            stopped = f", stopped after {last['epoch']} of {epochs} epochs" if last["epoch"] < epochs else ""
            how = f"EER {last[METRIC]:.2%}{stopped}"
        self._line(f"trial {trials.index(trial) + 1} of {self._experiment.search.trials}: {what}: {how}")

    def _line(self, text: str) -> None:
        self._said = time.monotonic()
        say(STAGE, text)


def trained_share(trials: list[Trial], experiment: Experiment) -> float:
    """The epochs that are trained or will never be, of all that the search can take."""
    epochs = experiment.search.max_epochs
    done = sum(epochs if trial.is_finished() else trial.last_result.get("epoch", 0) for trial in trials)
    return float(done) / (epochs * experiment.search.trials)


def describe_state(trials: list[Trial], experiment: Experiment) -> str:
    """Counts of the trials and the best of them in one line."""
    failed = [trial for trial in trials if trial.status == Trial.ERROR or FAILURE in trial.last_result]
    healthy = [trial for trial in trials if trial not in failed and METRIC in trial.last_result]
    ended = [trial for trial in healthy if trial.status == Trial.TERMINATED]
    stopped = [trial for trial in ended if trial.last_result["epoch"] < experiment.search.max_epochs]
    counts = {
        "running": sum(trial.status == Trial.RUNNING for trial in trials),
        "finished": len(ended) - len(stopped),
        "stopped": len(stopped),
        "failed": len(failed),
    }
    said = [f"{number} {name}" for name, number in counts.items() if number]
    if healthy:
        best = min(healthy, key=lambda trial: trial.last_result[METRIC])
        what = describe_trial(drawn_trial(experiment, best.config), experiment)
        said.append(f"best EER {best.last_result[METRIC]:.2%} after epoch {best.last_result['epoch']}: {what}")
    return ", ".join(said)
