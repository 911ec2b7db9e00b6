"""Back ends, delivery, the gate and how much may be rejected."""

from typing import Any, Literal

from pydantic import Field, model_validator

from kws_core.config.base import Section, Share


class BackendsConfig(Section):
    """Centroids, SVM, softmax and their thresholds."""

    decision: Literal["centroid", "svm", "softmax"] = "centroid"
    """The back end that the spotter decides with."""
    far: float | None = Field(default=0.02, gt=0, lt=1)
    """False acceptance rate on development non-targets for which each keyword's threshold is calibrated."""
    max_false_alarms_per_hour: float | None = Field(default=None, gt=0)
    """In place of `far`: false alarms of each keyword an hour, on development streams (see `streams`)."""
    score_normalisation: Literal["none", "as_norm"] = "none"
    """`as_norm`: cosines of the centroids relative to those with a cohort of training segments that are no keywords."""
    cohort_size: int = Field(default=300, ge=2)
    cohort_top: int = Field(default=100, ge=2)
    """Nearest segments of the cohort that a score is normalised by."""
    score_calibration: Literal["none", "logistic"] = "none"
    """`logistic`: scores become log likelihood ratios, by development segments."""
    svm_c: tuple[float, ...] = (1.0, 10.0)
    svm_gamma: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Candidates of the RBF SVM; the best on development data is kept."""

    @model_validator(mode="before")
    @classmethod
    def _wish(cls, values: Any) -> Any:
        # a wish in false alarms an hour takes the place of the default far
        if isinstance(values, dict) and values.get("max_false_alarms_per_hour") is not None:
            return {"far": None, **values}
        return values

    @model_validator(mode="after")
    def _check(self) -> "BackendsConfig":
        if (self.far is None) == (self.max_false_alarms_per_hour is None):
            raise ValueError("exactly one of far and max_false_alarms_per_hour is needed")
        if self.score_normalisation == "as_norm" and self.decision != "centroid":
            raise ValueError(f"score_normalisation: as_norm is for decision: centroid, not {self.decision}")
        if self.cohort_top > self.cohort_size:
            raise ValueError(f"cohort_top ({self.cohort_top}) cannot exceed cohort_size ({self.cohort_size})")
        return self


class ExportConfig(Section):
    """How the encoder is delivered."""

    weights: Literal["float32", "float16"] = "float32"
    """`float16` halves the files; the encoder still computes in float32."""


class GateConfig(Section):
    """When a version may challenge, and when a challenger becomes champion. Changing it recomputes nothing."""

    max_frr: Share = 0.5
    """Of every version: FRR at FAR 2 % on in-vocabulary trials must not exceed this."""
    min_target_accuracy: Share = 0.5
    """Of every version, by the back end that decides, at its thresholds."""
    min_non_target_accuracy: Share = 0.5
    frr_margin: float = Field(default=0.02, ge=0)
    """FRR at FAR 2 % must be shown, at 95 % over resampled speakers, to exceed the champion's by at most this."""
    accuracy_margin: float = Field(default=0.01, ge=0)
    """Target, non-target and unseen non-target accuracy may fall by this much; a larger loss fails once it is shown."""
    false_alarm_margin: float = Field(default=0.5, ge=0)
    """False alarms an hour on the test streams may rise by this much; a larger rise fails once it is shown."""
    keyword_margin: Share = 0.1
    """No keyword's accuracy may fall by more, unless chance explains it."""
    speaker_margin: Share = 0.2
    """Nor that of any test speaker on the keywords."""
    replicates: int = Field(default=1000, ge=0)
    """Resamplings of the speakers; with 0 the differences count as they are."""


class RejectionConfig(Section):
    """The largest share of its input that a stage may reject; past it the run fails. Changing it recomputes nothing."""

    ingest: Share = 0.02
    alignment: Share = 0.1
    segments: Share = 0.6
    """Words too short, too long or with one-character labels are many in ordinary sentences."""
    features: Share = 0.0
    gate: Share = 0.25
    """Of the segments, by the alignment gate."""
