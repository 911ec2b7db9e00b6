"""Segments, features and selection."""

from typing import Literal

from pydantic import Field, model_validator

from kws_core.config.base import SAMPLE_RATE_HZ, PositiveSeconds, Section, Share, check_durations


class SegmentsConfig(Section):
    """Words to cut, gated segments (Ma et al.: 0.5 to 1.0 s, labels of at least 2 characters)."""

    min_duration_s: PositiveSeconds = 0.5
    max_duration_s: PositiveSeconds = 1.0
    context_s: float = Field(default=0.5, ge=0)
    """Speech kept on each side of the word, as far as `max_duration_s` allows."""
    background_share: Share = 0.3
    """Share of the places between words, chosen by hash, that are cut as background."""
    min_label_characters: int = Field(default=2, ge=1)
    min_word_s: PositiveSeconds = 0.1
    min_score: float = -1e9
    """Alignment score (mean log likelihood a frame, see `words.score`) below which a word is rejected."""
    min_rms: float = Field(default=1e-4, ge=0)
    """Root mean square of the word, full scale = 1, below which it counts as silence."""

    @model_validator(mode="after")
    def _check(self) -> "SegmentsConfig":
        check_durations(self.min_duration_s, self.max_duration_s)
        return self


class FeaturesConfig(Section):
    """Segments to MFCC or log-mel frames, with Kaldi's definitions."""

    kind: Literal["mfcc", "log_mel"] = "mfcc"
    window_s: PositiveSeconds = 0.02
    """20 ms and a 10 ms hop give exactly 99 whole frames in one second (Ma et al.: `[99, 40]`)."""
    hop_s: PositiveSeconds = 0.01
    frames: int = Field(default=99, gt=0)
    mel_bins: int = Field(default=40, gt=0)
    coefficients: int = Field(default=40, gt=0)
    low_hz: float = Field(default=20.0, ge=0)
    high_hz: float = Field(default=8000.0, gt=0)

    @model_validator(mode="after")
    def _check(self) -> "FeaturesConfig":
        if self.coefficients > self.mel_bins:
            raise ValueError(f"coefficients ({self.coefficients}) cannot exceed mel_bins ({self.mel_bins})")
        if self.kind == "log_mel" and self.coefficients != self.mel_bins:
            raise ValueError("log_mel has one coefficient per mel bin: set coefficients = mel_bins")
        if not self.low_hz < self.high_hz <= SAMPLE_RATE_HZ / 2:
            raise ValueError(f"low_hz < high_hz <= {SAMPLE_RATE_HZ // 2} is needed, not {self.low_hz}, {self.high_hz}")
        return self


class SelectionConfig(Section):
    """Vocabulary, speaker- and word-disjoint splits, pair lists."""

    keywords: tuple[str, ...] = ()
    """The targets. Every one needs segments in every split."""
    development_share: Share = 0.2
    """Share of the speakers, by hash, that tune and calibrate."""
    test_share: Share = 0.2
    out_of_vocabulary_share: Share = 0.25
    """Share of the non-target labels, by hash of the word, that nobody trains on."""
    max_labels: int = Field(default=5000, gt=0)
    """Most frequent labels kept as training classes (Ma et al.: 5,000)."""
    min_train_segments: int = Field(default=3, ge=1)
    """Training segments that a label needs to be a training class; rarer ones serve as out-of-vocabulary words."""
    pairs: int = Field(default=20_000, gt=1)
    """Trials per pair list, half of them of the same label (Ma et al.: 20,000); fewer when the data has fewer."""
    confusable_distance: Share = 0.35
    """Words whose pronunciations differ by at most this share of the longer one's phones sound alike; see
    `kws_core.confusable`."""
    speaker_policy: Literal["cross", "any"] = "cross"
    """`cross`: the two sides of a trial come from different speakers. `any`: drawn whoever speaks."""

    @model_validator(mode="after")
    def _check(self) -> "SelectionConfig":
        if self.development_share + self.test_share >= 1:
            raise ValueError("development_share + test_share must leave speakers to train on")
        repeated = sorted({word for word in self.keywords if self.keywords.count(word) > 1})
        if repeated:
            raise ValueError(f"keywords are listed twice: {', '.join(repeated)}")
        return self
