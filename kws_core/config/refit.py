"""Refit: which processes train the chosen configuration in full."""

from typing import Literal

from pydantic import Field, model_validator

from kws_core.config.base import Section


class RefitConfig(Section):
    """Workers of the refit. They share the rows of every batch, so their number changes no result but by rounding."""

    min_workers: int = Field(default=1, ge=1)
    """Training goes on with as few, when a node is lost."""
    max_workers: int = Field(default=1, ge=1)
    """As many are started when the cluster has room; 1 trains in one process without Ray Train."""
    cpus_per_worker: int = Field(default=0, ge=0)
    """0: a single worker on CPUs has all those of the largest node, any other worker 1."""
    gpus_per_worker: Literal[0, 1] | None = None
    """None: 1 where `search.gpus_per_trial` is above 0."""
    max_failures: int = Field(default=3, ge=0)
    """How many lost workers or nodes are survived before the refit fails. For several workers; one has 3."""

    @model_validator(mode="after")
    def _check(self) -> "RefitConfig":
        if self.min_workers > self.max_workers:
            raise ValueError(f"min_workers ({self.min_workers}) cannot exceed max_workers ({self.max_workers})")
        return self
