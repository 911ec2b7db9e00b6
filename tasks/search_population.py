"""Population based training on Ray: all train an interval, the worst take over the best, and so on to the last epoch.

The state lies on the store after each comparison, and every epoch of every member does: a killed driver goes on.
"""

import json
import math
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kws_core.config import Experiment
from kws_core.population import Member, first_members, next_members
from tasks.console import Bar, bar, say
from tasks.only_one import check_still_one
from tasks.places import Places
from tasks.search_document import cost, ranked_document, sentence, state
from tasks.search_member import History, epoch_folder, member_trial, train_member
from tasks.search_space import describe_trial
from tasks.search_state import remove_state, state_folder
from tasks.search_trial import FIGURES, MAX_FAILURES
from tasks.training_input import TrainingInput

STAGE = "search"
STATE = "population.json"


@dataclass(frozen=True)
class Population:
    """All members after a comparison, or before the first."""

    members: tuple[Member, ...]
    began: float
    """When the search did, in seconds since 1970."""
    epoch: int = 0
    """How many epochs the members have been trained for."""
    histories: dict[int, History] = field(default_factory=dict)
    """Of what each member goes on from, its parent's, or ended with."""
    errors: dict[int, str] = field(default_factory=dict)
    """Why members failed, by number."""

    def training(self) -> tuple[Member, ...]:
        """The members that go on: they have not failed, nor ended early."""
        return tuple(
            member
            for member in self.members
            if member.number not in self.errors and len(self.histories.get(member.number, [])) == self.epoch
        )

    def to_json(self) -> bytes:
        """As the store keeps it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Population":
        """What `to_json` made."""
        saved = json.loads(content)
        members = tuple(Member(**member) for member in saved.pop("members"))
        histories, errors = (
            {int(number): value for number, value in saved.pop(name).items()} for name in ("histories", "errors")
        )
        return cls(members=members, histories=histories, errors=errors, **saved)


def run_population(
    places: Places, experiment: Experiment, given: TrainingInput, start: str, key: str
) -> dict[str, Any]:
    """Train the population, or go on with that of a killed driver; returns the document that ranks its members.

    The same experiment on the same data gives the same document but for its times.
    """
    files, folder, settings = places.store().files, state_folder(key), experiment.search
    name = f"{folder}/{STATE}"
    if files.exists(name):
        population = Population.from_json(files.read(name))
    else:
        population = Population(first_members(experiment), time.time())
        files.write(name, population.to_json())
    with bar(STAGE, settings.trials * settings.max_epochs) as progress:
        for _ in range(population.epoch * settings.trials):
            progress.advance()
        while population.epoch < settings.max_epochs and population.training():
            before = population.epoch
            until = min(before + settings.population.interval_epochs, settings.max_epochs)
            trained = _trained(population, until, (places, experiment, given, start, folder), progress)
            check_still_one()
            population = _compared(trained, experiment)
            files.write(name, population.to_json())
            for epoch in range(before, until):  # nobody goes on from them any more
                remove_state(places, key, epoch_folder(epoch))
    return _document(population, experiment)


def _trained(population: Population, until: int, common: tuple[Any, ...], progress: Bar) -> Population:
    """The population after an interval, all of it at once as far as the cluster has room."""
    import ray

    experiment: Experiment = common[1]
    settings = experiment.search
    options = {"num_cpus": settings.cpus_per_trial, "num_gpus": settings.gpus_per_trial}
    # an attempt goes on from the last epoch of the one before
    remote = ray.remote(max_retries=MAX_FAILURES, retry_exceptions=True, **options)(train_member)
    histories, errors = dict(population.histories), dict(population.errors)
    running = {
        remote.remote(*common, member, histories.get(member.number, []), until): member.number
        for member in population.training()
    }
    try:
        while running:
            (done,), _ = ray.wait(list(running), num_returns=1)
            number = running.pop(done)
            try:
                histories[number], error = ray.get(done)
            except ray.exceptions.RayError as failure:
                error = sentence(failure)
            if error:
                errors[number] = error
            for _ in range(until - population.epoch):
                progress.advance()
    finally:
        if ray.is_initialized():
            for reference in running:
                ray.cancel(reference)
    return replace(population, epoch=until, histories=histories, errors=errors)


def _compared(population: Population, experiment: Experiment) -> Population:
    """The population after the comparison; after the last epoch there is none."""
    compared, settings = population.training(), experiment.search
    if not compared:
        return population
    costs = {member.number: cost(population.histories[member.number][-1]) for member in compared}
    best = min(compared, key=lambda member: (costs[member.number], member.number))
    what = describe_trial(member_trial(experiment, best), experiment)
    say(
        STAGE,
        f"epoch {population.epoch} of {settings.max_epochs}: best EER {costs[best.number][0]:.2%}, "
        f"trial {best.number + 1}: {what}",
    )
    if population.epoch >= settings.max_epochs:
        return population
    following = {member.number: member for member in next_members(experiment, population.epoch, compared, costs)}
    members = tuple(following.get(member.number, member) for member in population.members)
    histories = population.histories | {
        member.number: population.histories[member.parent] for member in following.values()
    }
    return replace(population, members=members, histories=histories)


def _document(population: Population, experiment: Experiment) -> dict[str, Any]:
    trials, failed = [], []
    for member in population.members:
        history = population.histories.get(member.number, [])
        named = {"number": member.number, **member_trial(experiment, member), "history": history}
        if member.number in population.errors:
            failed.append({**named, "error": population.errors[member.number]})
        else:
            last = history[-1]
            figures = {name: math.nan if last[name] is None else last[name] for name in FIGURES}
            trials.append({**named, **figures, "state": state(figures, experiment)})
    ended = max((record["time"] for trial in trials for record in trial["history"]), default=population.began)
    return ranked_document(trials, failed, ended - population.began)
