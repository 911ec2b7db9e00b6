"""Population based training on Ray Tune: seeded, in step, and not stuck when a member fails or ends early."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import PopulationBasedTraining

from kws_core.config import Experiment, Uniform
from kws_core.config.search_space import is_whole, perturbed_values
from kws_core.fingerprint import fingerprint
from tasks.search_trial import FAILURE, METRIC

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController


class SeededPopulation(PopulationBasedTraining):
    """All trials are compared at the same epochs; what is drawn then depends on the seed and the epoch alone.

    Source: Jaderberg et al., "Population Based Training of Neural Networks".
    """

    def __init__(self, experiment: Experiment) -> None:
        """Take seed, epochs, ranges and shares from the experiment."""
        settings, search = experiment.search.population, experiment.search
        ranges = {path: search.space[path] for path in perturbed_values(experiment)}
        self._seed = experiment.seed
        self._max_epochs = search.max_epochs
        self._ranges = {path: domain for path, domain in ranges.items() if isinstance(domain, Uniform)}
        super().__init__(
            time_attr="epoch",
            perturbation_interval=settings.interval_epochs,
            hyperparam_mutations={path: _Draw(domain) for path, domain in self._ranges.items()},
            quantile_fraction=settings.replaced_share,
            resample_probability=settings.resampled_share,
            perturbation_factors=settings.factors,
            custom_explore_fn=self._within_range,
            log_config=False,
            synch=True,
        )

    def on_trial_add(self, tune_controller: "TuneController", trial: Trial) -> None:
        """Take in a trial; one that a killed driver left goes on from its last epoch."""
        super().on_trial_add(tune_controller, trial)
        result = trial.last_result or {}
        if "epoch" in result and METRIC in result and FAILURE not in result:
            state = self._trial_state[trial]
            self._save_trial_state(state, result["epoch"], result, trial)
            state.last_perturbation_time = result["epoch"] - result["epoch"] % self._perturbation_interval
        self._meet_again(tune_controller)

    def on_trial_result(self, tune_controller: "TuneController", trial: Trial, result: dict[str, Any]) -> str:
        """Let the trial train on, wait for the others, or end."""
        if FAILURE in result or result["epoch"] >= self._max_epochs:
            return str(self.STOP)
        with _seeded(self._seed, result["epoch"]):
            return str(super().on_trial_result(tune_controller, trial, result))

    def on_trial_complete(self, tune_controller: "TuneController", trial: Trial, result: dict[str, Any]) -> None:
        """A trial has ended; nobody waits for it."""
        super().on_trial_complete(tune_controller, trial, result)
        self._meet_again(tune_controller, trial)

    def on_trial_error(self, tune_controller: "TuneController", trial: Trial) -> None:
        """A trial has failed; nobody waits for it."""
        super().on_trial_error(tune_controller, trial)
        self._meet_again(tune_controller, trial)

    def _meet_again(self, controller: "TuneController", gone: Trial | None = None) -> None:
        """Put the next comparison where the live trials have not all been yet, so that none of them waits for ever."""
        epochs = [
            self._trial_state[trial].last_train_time
            for trial in controller.get_live_trials()
            if trial is not gone and trial in self._trial_state
        ]
        if epochs:
            interval = self._perturbation_interval
            self._next_perturbation_sync = (min(epochs) // interval + 1) * interval

    def _within_range(self, config: dict[str, Any]) -> dict[str, Any]:
        """Multiplied values do not leave their ranges."""
        clipped = dict(config)
        for path, domain in self._ranges.items():
            value = min(max(config[path], domain.low), domain.high)
            clipped[path] = round(value) if is_whole(path) else value
        return clipped


class _Draw:
    """A value of a range, from the random generator that `_seeded` sets."""

    def __init__(self, domain: Uniform) -> None:
        self._domain = domain

    def __call__(self) -> float:
        low, high = self._domain.low, self._domain.high
        share = random.random()  # noqa: S311 - reproducible, not secret
        return low * (high / low) ** share if self._domain.log else low + (high - low) * share


@contextmanager
def _seeded(seed: int, epoch: int) -> Iterator[None]:
    """Ray draws from the global generator of `random`: it is seeded for the time, then put back."""
    before = random.getstate()
    random.seed(fingerprint("population", seed, epoch))
    try:
        yield
    finally:
        random.setstate(before)
