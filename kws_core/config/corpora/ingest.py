"""How recordings become utterances."""

from pydantic import Field, model_validator

from kws_core.config.base import PositiveSeconds, Section, check_durations


class IngestConfig(Section):
    """Recordings to utterances."""

    part_bytes: int = Field(default=64 * 2**20, gt=0)
    """Source bytes per part, in the mean; parts hold whole speakers."""
    min_duration_s: PositiveSeconds = 0.1
    max_duration_s: PositiveSeconds = 60.0

    @model_validator(mode="after")
    def _check(self) -> "IngestConfig":
        check_durations(self.min_duration_s, self.max_duration_s)
        return self
