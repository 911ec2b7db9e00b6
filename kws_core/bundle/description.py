"""The content of `bundle.json`, and the names of the files that a bundle may have."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from kws_core.backends.table import BACKENDS, BackendName
from kws_core.bundle.calibrated import OperatingPoint, ScoreCalibration, ScoreNormalisation
from kws_core.errors import BundleError

DESCRIPTION = "bundle.json"
ENCODER, WEIGHTS, COHORT = "encoder.onnx", "encoder.safetensors", "cohort.safetensors"
BACKEND_FILES = {name: entry.file for name, entry in BACKENDS.items()}
CENTROIDS, SVM, SOFTMAX = (BACKEND_FILES[name] for name in ("centroid", "svm", "softmax"))
FILES = (ENCODER, WEIGHTS, *BACKEND_FILES.values(), COHORT)
"""Every file that a bundle may have beside its description."""


class EnrolledKeyword(BaseModel):
    """Where a keyword that was added by example comes from, and what its threshold was calibrated for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: tuple[str, ...]
    """SHA-256 of the samples of each recording."""
    least_cosine: float | None
    """The least cosine of an example to the mean of the others; None where there is one example."""
    operating_point: OperatingPoint
    speakers: tuple[str, ...] = ()
    """Who said each example, where its user told."""
    date: str | None = None
    """Of the enrolment (YYYY-MM-DD), where its user told."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = {name for name in ("speakers", "date") if not getattr(self, name)}
        return {name: value for name, value in serialise(self).items() if name not in absent}


class BundleDescription(BaseModel):
    """The content of `bundle.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["kws-foundry bundle"] = "kws-foundry bundle"
    version: Literal[1] = 1
    name: str
    keywords: tuple[str, ...]
    keyword_durations_s: tuple[float, ...]
    """Median duration of each keyword in training."""
    decision: BackendName
    thresholds: dict[str, tuple[float, ...]]
    """Per back end, one threshold a keyword."""
    operating_point: OperatingPoint | None = None
    """Of the keywords that were trained; None when all were enrolled or there are none."""
    enrolled: dict[str, EnrolledKeyword] = {}
    """The keywords that were added by example."""
    score_normalisation: ScoreNormalisation | None = None
    """Of the centroids; thresholds are of normalised scores then."""
    score_calibration: dict[str, ScoreCalibration] = {}
    """Per back end; thresholds are of calibrated scores then."""
    features: dict[str, Any]
    encoder: dict[str, Any]
    datasets: dict[str, str]
    """Fingerprint of every dataset that it was made from."""
    licences: tuple[str, ...]
    metrics: dict[str, float]
    files: dict[str, str]
    """SHA-256 of every other file."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.keyword_durations_s) != len(self.keywords):
            raise ValueError(f"{len(self.keywords)} keywords need as many keyword_durations_s")
        unknown = sorted(set(self.thresholds) - set(BACKEND_FILES))
        if unknown:
            raise ValueError(f"there are thresholds of {unknown[0]!r}; the back ends are {', '.join(BACKEND_FILES)}")
        for backend in sorted({*self.thresholds, self.decision}):
            if len(self.thresholds.get(backend, ())) != len(self.keywords):
                raise ValueError(f"{len(self.keywords)} keywords need as many thresholds of {backend!r}")
        strangers = sorted(set(self.enrolled) - set(self.keywords))
        if strangers:
            raise ValueError(f"{strangers[0]!r} is enrolled but is no keyword")
        if self.operating_point is None and set(self.keywords) - set(self.enrolled):
            raise ValueError("keywords that were trained need an operating_point")
        for backend, lines in self.score_calibration.items():
            if backend not in self.thresholds:
                raise ValueError(f"there is a score_calibration of {backend!r}, which has no thresholds")
            if not len(lines.slopes) == len(lines.offsets) == len(self.keywords) or min(lines.slopes) <= 0:
                raise ValueError(f"the score_calibration of {backend!r} needs a rising line for each keyword")
        self._check_files()
        return self

    def _check_files(self) -> None:
        foreign = sorted(set(self.files) - set(FILES))
        if foreign:
            raise ValueError(f"{foreign[0]!r} is no file of a bundle; {', '.join(FILES)} are accepted")
        needed = [ENCODER, WEIGHTS]
        needed += [BACKEND_FILES[backend] for backend in self.thresholds] if self.keywords else [COHORT]
        needed += [COHORT] if self.score_normalisation else []
        for name in needed:
            if name not in self.files:
                raise ValueError(f"the hash of {name} is missing")


def parse_description(content: bytes, path: Path) -> BundleDescription:
    """The content of a `bundle.json`; `path` is what an error calls it.

    Raises:
        BundleError: it is not a bundle's description.
    """
    try:
        return BundleDescription.model_validate(json.loads(content.decode("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        what = f"field {field!r} is not a bundle's" if field else "not a bundle's description"
        raise BundleError(f"{path}: {what}: {first['msg']}") from error
    except ValueError as error:
        raise BundleError(f"{path}: not JSON: {error}") from error
