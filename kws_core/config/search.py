"""Hyper-parameter search: what is tried, by which scheduler, and with what resources."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from kws_core.config.base import Section, Share, Uniform
from kws_core.config.encoder import EncoderConfig

Scalar = bool | int | float | str


class Choice(Section):
    """Values of which one is taken."""

    choice: tuple[Scalar, ...] = Field(min_length=1)


def _kind(value: Any) -> str | None:
    keys = set(value) if isinstance(value, Mapping) else {type(value).__name__.lower()}
    if "choice" in keys:
        return "choice"
    return "range" if keys & {"low", "high", "log", "uniform"} else None


SearchDomain = Annotated[
    Annotated[Uniform, Tag("range")] | Annotated[Choice, Tag("choice")],
    Discriminator(
        _kind,
        custom_error_type="search_domain",
        custom_error_message="what is searched is a range {low, high, log} or {choice: [value, ...]}",
    ),
]

DEFAULT_SPACE: dict[str, Uniform | Choice] = {
    "loss.scale": Uniform(low=10, high=40),
    "loss.margin": Uniform(low=0.0, high=0.35),
    "training.learning_rate": Uniform(low=5e-4, high=1e-2, log=True),
}


class PopulationConfig(Section):
    """Population based training: the worst trials take the weights and the values of the best, and perturb them."""

    interval_epochs: int = Field(default=2, gt=0)
    """Epochs between two comparisons of the trials."""
    replaced_share: float = Field(default=0.25, gt=0, le=0.5)
    """Share of the trials that is replaced each time, and share of the best that it is replaced from."""
    resampled_share: Share = 0.25
    """How often a value is drawn anew from its range instead of being multiplied by one of `factors`."""
    factors: tuple[float, ...] = Field(default=(0.8, 1.25), min_length=1)

    @field_validator("factors")
    @classmethod
    def _positive(cls, factors: tuple[float, ...]) -> tuple[float, ...]:
        if min(factors) <= 0:
            raise ValueError(f"a factor must be above 0, not {min(factors):g}")
        return factors


class SearchConfig(Section):
    """Hyper-parameter search: Ray Tune with ASHA and Optuna, or with population based training."""

    trials: int = Field(default=6, ge=0)
    """0: nothing is tried; every value and the first encoder are taken as they are given."""
    scheduler: Literal["asha", "pbt", "none"] = "asha"
    """`asha`: Optuna proposes, weak trials are stopped early. `none`: Optuna proposes, every trial is trained to the
    end. `pbt`: a population drawn at random; the learning rate, the margin and the numbers of augmentation change
    between epochs, other values are inherited. The result is the values that the best trial ended with."""
    max_epochs: int = Field(default=6, gt=0)
    grace_epochs: int = Field(default=2, gt=0)
    """asha: epochs before a trial may be stopped."""
    reduction_factor: int = Field(default=2, gt=1)
    """asha: one of so many trials goes on at each comparison."""
    population: PopulationConfig = PopulationConfig()
    """pbt."""
    parallel_trials: int = Field(default=2, gt=0)
    """asha, none: most trials at a time. pbt: the population takes turns on all that the cluster has."""
    cpus_per_trial: float = Field(default=1.0, gt=0)
    """A fraction shares a CPU among trials."""
    gpus_per_trial: float = Field(default=0.0, ge=0)
    """A fraction shares a GPU among trials; 0 trains on CPUs."""
    space: dict[str, SearchDomain] = Field(default=DEFAULT_SPACE)
    """What is searched, by its dotted name: a value of the sections `loss`, `training`, `sampling` and `augmentation`,
    or of every encoder (`encoder.embedding_dim`). Ranges of whole numbers include both ends."""
    encoders: tuple[EncoderConfig, ...] = Field(default=(EncoderConfig(),), min_length=1)

    @field_validator("space", mode="before")
    @classmethod
    def _dotted(cls, space: Any) -> Any:
        """Take nested tables too, as `--set search.space.loss.margin=...` makes them."""
        return _flat(space) if isinstance(space, Mapping) else space

    @model_validator(mode="after")
    def _check(self) -> "SearchConfig":
        if self.grace_epochs > self.max_epochs:
            raise ValueError(f"grace_epochs ({self.grace_epochs}) cannot exceed max_epochs ({self.max_epochs})")
        if self.gpus_per_trial > 1 and self.gpus_per_trial % 1:
            raise ValueError(f"gpus_per_trial above 1 must be a whole number, not {self.gpus_per_trial:g}")
        if self.scheduler == "pbt" and self.trials == 1:
            raise ValueError("scheduler pbt needs a population: set trials to 2 or more (or 0 for no search)")
        return self


def _flat(space: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in space.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and _kind(value) is None:
            flat.update(_flat(value, f"{path}."))
        else:
            flat[path] = value
    return flat
