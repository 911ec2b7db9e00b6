"""Hyper-parameter search."""

from pydantic import Field, model_validator

from kws_core.config.base import Section, Uniform
from kws_core.config.encoder import EncoderConfig


class SearchConfig(Section):
    """Hyper-parameter search: Ray Tune with ASHA and Optuna."""

    trials: int = Field(default=6, ge=0)
    """0: nothing is tried; the loss, the learning rate and the first encoder are taken as they are given."""
    max_epochs: int = Field(default=6, gt=0)
    grace_epochs: int = Field(default=2, gt=0)
    reduction_factor: int = Field(default=2, gt=1)
    parallel_trials: int = Field(default=2, gt=0)
    cpus_per_trial: float = Field(default=1.0, gt=0)
    gpus_per_trial: float = Field(default=0.0, ge=0)
    scale: Uniform = Uniform(low=10, high=40)
    margin: Uniform = Uniform(low=0.0, high=0.35)
    learning_rate: Uniform = Uniform(low=5e-4, high=1e-2, log=True)
    encoders: tuple[EncoderConfig, ...] = Field(default=(EncoderConfig(),), min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "SearchConfig":
        if self.grace_epochs > self.max_epochs:
            raise ValueError(f"grace_epochs ({self.grace_epochs}) cannot exceed max_epochs ({self.max_epochs})")
        return self
