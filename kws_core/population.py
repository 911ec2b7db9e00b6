"""Population based training as values: what members start with, and what the worst take over from the best.

Source: Jaderberg et al., "Population Based Training of Neural Networks" (2017), with truncation selection.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kws_core.config import Experiment
from kws_core.config.base import Uniform
from kws_core.config.search import Choice
from kws_core.config.search_space import is_whole, perturbed_values, searched_values

Cost = tuple[float, ...]
"""Figures that are minimised, the first one first; infinite where one was not measured."""


@dataclass(frozen=True)
class Member:
    """One of a population, for the epochs until the next comparison."""

    number: int
    values: Mapping[str, Any]
    """What is searched, by its dotted name."""
    encoder: int
    """Which of `search.encoders`."""
    parent: int
    """The number of the member whose weights it goes on from."""


def first_members(experiment: Experiment) -> tuple[Member, ...]:
    """A population of `search.trials`, each drawn from the whole search space."""
    members = []
    for number in range(experiment.search.trials):
        random = _generator(experiment, 0, number)
        space = experiment.search.space
        values = {path: _drawn(path, space[path], random) for path in searched_values(experiment)}
        members.append(Member(number, values, int(random.integers(len(experiment.search.encoders))), number))
    return tuple(members)


def next_members(
    experiment: Experiment, epoch: int, members: tuple[Member, ...], costs: Mapping[int, Cost]
) -> tuple[Member, ...]:
    """The population after a comparison: each of the worst goes on from one of the best, with perturbed values.

    What is drawn depends on the seed, the epoch and the member's number alone.

    Args:
        experiment: the search and its space.
        epoch: how many epochs all members have been trained for.
        members: those that were compared.
        costs: of each of them, by number; of equals the one with the lower number is the better one.
    """
    settings = experiment.search.population
    ranked = sorted(members, key=lambda member: (costs[member.number], member.number))
    replaced = min(math.ceil(len(ranked) * settings.replaced_share), len(ranked) // 2)
    best = [member for member in ranked[:replaced] if math.isfinite(costs[member.number][0])]
    worst = {member.number for member in ranked[len(ranked) - replaced :]}
    following = []
    for member in members:
        if member.number not in worst or not best:
            following.append(replace(member, parent=member.number))
            continue
        random = _generator(experiment, epoch, member.number)
        parent = best[int(random.integers(len(best)))]
        values = _perturbed(experiment, parent.values, random)
        following.append(Member(member.number, values, parent.encoder, parent.number))
    return tuple(following)


def _perturbed(experiment: Experiment, values: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
    settings, changed = experiment.search.population, dict(values)
    for path in perturbed_values(experiment):
        domain = experiment.search.space[path]
        assert isinstance(domain, Uniform)  # noqa: S101 - for the type checker
        if random.random() < settings.resampled_share:
            changed[path] = _drawn(path, domain, random)
        else:
            factor = settings.factors[int(random.integers(len(settings.factors)))]
            value = min(max(values[path] * factor, domain.low), domain.high)
            changed[path] = round(value) if is_whole(path) else value
    return changed


def _drawn(path: str, domain: Uniform | Choice, random: np.random.Generator) -> Any:
    if isinstance(domain, Choice):
        return domain.choice[int(random.integers(len(domain.choice)))]
    low, share = domain.low, random.random()
    high = domain.high + 1 if is_whole(path) else domain.high  # each whole number has as much room
    value = low * (high / low) ** share if domain.log else low + (high - low) * share
    return int(value) if is_whole(path) else min(value, high)


def _generator(experiment: Experiment, epoch: int, number: int) -> np.random.Generator:
    return np.random.default_rng([experiment.seed, epoch, number])
