"""Continuous recordings that models are measured and calibrated on."""

from pydantic import Field, model_validator

from kws_core.config.base import Section


class EvaluationStreamsConfig(Section):
    """Streams of speech, of noise and of keywords in both, made of development and of test speakers."""

    enabled: bool = True
    """Whether the model is measured on streams; thresholds for false alarms an hour need them too."""
    speech_minutes: float = Field(default=10.0, ge=0)
    """Speech without keywords, at most, in each split; all that there is when it is less."""
    noise_minutes: float = Field(default=1.0, ge=0)
    """White, pink and brown noise at changing levels, in each split."""
    snr_db: tuple[float, ...] = Field(default=(20.0, 10.0, 5.0, 0.0), min_length=1)
    """Levels of the keywords above the speech or noise that they are heard in."""
    segments_per_keyword: int = Field(default=5, ge=1)
    """Recordings of each keyword, at most, at each level: the same at all levels."""
    spacing_s: float = Field(default=1.5, ge=1.0)
    """From the end of a keyword to the start of the next, at least; more than a window and the refractory time."""

    @model_validator(mode="after")
    def _check(self) -> "EvaluationStreamsConfig":
        if len(set(self.snr_db)) < len(self.snr_db):
            raise ValueError(f"snr_db lists a level twice: {', '.join(f'{level:g}' for level in self.snr_db)}")
        if not self.speech_minutes and not self.noise_minutes:
            raise ValueError("speech_minutes and noise_minutes are both 0: nothing is left to hear keywords in")
        return self
