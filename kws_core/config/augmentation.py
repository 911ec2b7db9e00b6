"""What is done to training batches: to waveforms where they are the input, and to features."""

from pydantic import Field, model_validator

from kws_core.config.base import Section, Share


class WaveformAugmentationConfig(Section):
    """Distortions of waveforms; used where `training.input` is `waveforms`, and for `features_stage.copies`."""

    speed_share: Share = 0.0
    """Share of the inputs that are played faster or slower (tempo and pitch together)."""
    max_speed_change: float = Field(default=0.15, ge=0, lt=0.5)
    noise_share: Share = 0.0
    """Share of the inputs that noise is added to: synthetic colours of noise, babble of the batch, noise corpora."""
    min_snr_db: float = 5.0
    max_snr_db: float = 30.0
    reverberation_share: Share = 0.0
    """Share of the inputs that are convolved with a synthetic room response."""
    max_reverberation_s: float = Field(default=0.5, gt=0.05, le=2)
    """Longest time in which the room's sound falls by 60 dB."""
    narrow_band_share: Share = 0.0
    """Share of the inputs whose band is limited, from telephone width up."""
    shift_share: Share = 0.0
    """Share of the inputs that are moved in time, zero padded (Huh et al.: 0.2)."""
    max_shift_s: float = Field(default=0.2, ge=0)

    @model_validator(mode="after")
    def _check(self) -> "WaveformAugmentationConfig":
        if self.min_snr_db > self.max_snr_db:
            raise ValueError(f"min_snr_db ({self.min_snr_db:g}) cannot exceed max_snr_db ({self.max_snr_db:g})")
        return self


class AugmentationConfig(Section):
    """Distortions of features, and of waveforms before them."""

    shift_share: Share = 0.5
    """Share of the inputs that are moved in time (Huh et al.: 0.2)."""
    max_shift_s: float = Field(default=0.1, ge=0)
    """Huh et al.: 0.2; words here are centred by alignment, so less is needed."""
    swap_context_share: Share = 0.5
    """Share of the inputs whose surroundings (all but the word) come from another input of the batch."""
    gain_db: float = Field(default=6.0, ge=0)
    """Each input's level is changed by up to this much, either way."""
    channel_db: float = Field(default=2.0, ge=0)
    """Standard deviation of the slow spectral curves added to each input: another microphone, another room."""
    mask_context_share: Share = 0.2
    """Share of the inputs whose surroundings (all but the word) are replaced by silence."""
    vocal_tract_share: Share = 0.0
    """Share of the inputs whose mel axis is stretched or shrunk: a longer or shorter vocal tract (VTLP)."""
    max_vocal_tract_change: float = Field(default=0.15, ge=0, lt=0.5)
    time_masks: int = Field(default=0, ge=0)
    """SpecAugment: masks over time on every input, each of up to `max_time_mask_s`."""
    max_time_mask_s: float = Field(default=0.1, ge=0)
    frequency_masks: int = Field(default=0, ge=0)
    """SpecAugment: masks over mel bands on every input, each of up to `max_frequency_mask_bands`."""
    max_frequency_mask_bands: int = Field(default=6, ge=0)
    waveform: WaveformAugmentationConfig = WaveformAugmentationConfig()
