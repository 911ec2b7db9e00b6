"""What every section of the experiment is made of.

Times end in `_s` (seconds), rates in `_hz`, shares lie in [0, 1].
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

SAMPLE_RATE_HZ = 16_000

Share = Annotated[float, Field(ge=0, le=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A frozen part of the experiment that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Uniform(Section):
    """A range searched uniformly, or by order of magnitude when `log` is set."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Uniform":
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) cannot exceed high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"a range searched by order of magnitude starts above 0, not at {self.low:g}")
        return self


def check_durations(shortest_s: float, longest_s: float) -> None:
    """Raise `ValueError` when the shortest duration exceeds the longest."""
    if shortest_s > longest_s:
        raise ValueError(f"min_duration_s ({shortest_s:g}) cannot exceed max_duration_s ({longest_s:g})")
