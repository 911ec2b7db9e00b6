"""Populations as values: drawn, ranked, taken over and perturbed."""

import itertools
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kws_core.config import Experiment
from kws_core.population import Member, first_members, next_members

RANGES = {
    "loss.margin": {"low": 0.0, "high": 0.3},
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "augmentation.shift_share": {"low": 0, "high": 1},
}
CHOICES = {"training.batch_size": {"choice": [8, 16]}}
WHOLE = {"encoder.embedding_dim": {"low": 8, "high": 11}}
FIGURES = st.one_of(st.just(math.inf), st.sampled_from([0.0, 0.1]), st.floats(0, 1))


def experiment(seed: int = 0, **search: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "population",
            "corpora": {"demo": {"recipe": "demo"}},
            "selection": {"keywords": ["go"]},
            "seed": seed,
            "search": {"scheduler": "pbt", "trials": 8, "space": {**RANGES, **CHOICES, **WHOLE}, **search},
        }
    )


def check_ranges(members: tuple[Member, ...]) -> None:
    for member in members:
        for path, domain in RANGES.items():
            assert domain["low"] <= member.values[path] <= domain["high"]
        assert member.values["training.batch_size"] in (8, 16)
        assert isinstance(member.values["encoder.embedding_dim"], int)
        assert 8 <= member.values["encoder.embedding_dim"] <= 11


def test_members_are_drawn_from_the_whole_space_by_seed() -> None:
    members = first_members(experiment(trials=200))
    check_ranges(members)
    assert [member.number for member in members] == [member.parent for member in members] == list(range(200))
    assert {member.values["encoder.embedding_dim"] for member in members} == {8, 9, 10, 11}
    rates = sorted(member.values["training.learning_rate"] for member in members)
    assert 5e-4 < rates[100] < 2e-3  # by order of magnitude: the median is near 1e-3
    assert first_members(experiment(trials=200)) == members
    assert first_members(experiment(seed=1, trials=200)) != members
    assert first_members(experiment(trials=3)) == members[:3]


@given(
    eer=st.lists(FIGURES, min_size=2, max_size=9),
    seed=st.integers(0, 3),
    share=st.sampled_from([0.1, 0.25, 0.5]),
)
def test_the_worst_take_over_the_best(eer: list[float], seed: int, share: float) -> None:
    settings = experiment(seed, trials=len(eer), population={"replaced_share": share, "factors": [0.5, 2.0]})
    members = first_members(settings)
    costs = {number: (value, 0.0) for number, value in enumerate(eer)}
    following = next_members(settings, 2, members, costs)
    assert following == next_members(settings, 2, members, costs)
    assert [member.number for member in following] == list(range(len(eer)))
    check_ranges(following)
    taken = [member for member in following if member.parent != member.number]
    expected = min(math.ceil(len(eer) * share), len(eer) // 2)
    assert len(taken) == (expected if math.isfinite(min(eer)) else 0)
    parents = {member.parent for member in taken}
    for member, parent in itertools.product(taken, parents):
        assert (costs[parent], parent) <= (costs[member.number], member.number)
    for member in following:
        source = members[member.parent]
        inherited = ("training.batch_size", "encoder.embedding_dim")
        assert [member.values[path] for path in inherited] == [source.values[path] for path in inherited]
        assert member.encoder == source.encoder
        if member.parent == member.number:
            assert member.values == source.values


def test_values_are_multiplied_or_drawn_anew() -> None:
    costs = {number: (number / 10, 0.0) for number in range(8)}
    for resampled_share in (0.0, 1.0):
        population = {"factors": [0.9], "resampled_share": resampled_share}
        settings = experiment(population=population, space={"loss.margin": {"low": 1e-3, "high": 0.5}})
        members = first_members(settings)
        for member in next_members(settings, 2, members, costs):
            if member.parent != member.number:
                product = 0.9 * members[member.parent].values["loss.margin"]
                assert (member.values["loss.margin"] == product) == (resampled_share == 0)
