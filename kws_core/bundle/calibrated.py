"""What `bundle.json` says of calibration: the operating point of thresholds, and what is done to scores."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator


class ExpectedFrr(BaseModel):
    """How often a keyword was missed in the data that its threshold was calibrated on; None where nothing is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyword: str
    frr: float | None
    low: float | None
    """Of the 95 % interval over speakers."""
    high: float | None
    trials: int
    """Recordings of the keyword."""
    false_alarms: int
    """Other segments that were accepted, or false alarms in the streams."""


class OperatingPoint(BaseModel):
    """What the thresholds were calibrated for, as its user stated it, and on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    far: float | None = None
    """False acceptance rate of each keyword; either this or `max_false_alarms_per_hour`."""
    max_false_alarms_per_hour: float | None = None
    """Of each keyword."""
    non_target_segments: int | None = None
    """That a FAR was calibrated on."""
    hours: float | None = None
    """Of the streams that false alarms an hour were calibrated on."""
    recordings: int | None = None
    """That the hours are of, where a user gave them; who is heard there is not known then."""
    speakers: int
    dataset: str | None = None
    """Fingerprint of the dataset that was calibrated on, or of the recordings."""
    expected: tuple[ExpectedFrr, ...] | None = None
    """Of the back end that decides, there."""
    shortage: str | None = None
    """Why the data cannot show that the wish holds."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.far is None) == (self.max_false_alarms_per_hour is None):
            raise ValueError("either far or max_false_alarms_per_hour is needed")
        if (self.non_target_segments if self.hours is None else self.hours) is None:
            raise ValueError("non_target_segments or hours are needed")
        return self

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialise(self).items() if value is not None}


class ScoreNormalisation(BaseModel):
    """AS-norm of the centroids by the nearest of the bundle's cohort."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["as_norm"] = "as_norm"
    top: int


class ScoreCalibration(BaseModel):
    """Logistic calibration of a back end: a line for each keyword."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]
