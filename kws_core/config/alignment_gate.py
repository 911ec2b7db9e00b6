"""The alignment gate: which aligned words are believed."""

from pydantic import Field

from kws_core.config.base import Section


class MeasureLimits(Section):
    """How far a measure may lie from its median over the corpus, in robust standard deviations (1.4826 MAD).

    What is null, or not given where a measure is configured, is no limit: `{}` switches the measure off.
    """

    word_low: float | None = Field(default=None, gt=0)
    """Below the median of the corpus's words."""
    word_high: float | None = Field(default=None, gt=0)
    """Above it."""
    utterance_low: float | None = Field(default=None, gt=0)
    """Of the median over an utterance's words, below the median of the corpus's utterances: a wrong transcript spoils
    a whole utterance."""
    utterance_high: float | None = Field(default=None, gt=0)
    """Above it."""


class AlignmentGateConfig(Section):
    """Segments whose alignment is an outlier of its corpus are left out of the selection; nothing is cut again.

    A measure that an aligner does not give (NaN) rejects nothing.
    """

    enabled: bool = True
    min_words: int = Field(default=200, ge=2)
    """Words of a corpus that have a measure, below which its statistics are not believed and it rejects nothing."""
    min_utterances: int = Field(default=50, ge=2)
    """The same for utterances."""
    min_utterance_words: int = Field(default=3, ge=1)
    """Measured words that an utterance needs to be judged as a whole."""
    score: MeasureLimits = MeasureLimits(word_low=8, utterance_low=4)
    """Mean log likelihood a frame. Wide: its lower tail is long where transcripts are right, too."""
    phone_duration_deviation: MeasureLimits = MeasureLimits(word_high=4, utterance_high=3)
    """Mean over the word's phones of the absolute z-score of the log duration."""
    disagreement_s: MeasureLimits = MeasureLimits(word_high=6, utterance_high=4)
    """Larger difference of start or end to a second aligner."""
    speaking_rate: MeasureLimits = MeasureLimits(word_low=3.5, word_high=3.5)
    """Letters a second, compared on a logarithmic scale."""
    rms: MeasureLimits = MeasureLimits(word_low=4)
    """Level of the word, compared in dB."""
    boundary_silence_db: MeasureLimits = MeasureLimits(word_high=3)
    """Level just outside the word relative to the level inside: a cut in the middle of speech has no dip beside it."""
