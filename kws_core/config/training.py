"""Batches, optimisation and strategy."""

from typing import Literal

from pydantic import Field, model_validator

from kws_core.config.base import Section, Share
from kws_core.config.stream import StreamConfig


class SamplingConfig(Section):
    """How training segments are drawn into batches."""

    name: Literal["shuffled", "class_balanced", "oversampled", "undersampled", "episodes", "ap_fc"] = "shuffled"
    classes_per_batch: int = Field(default=8, gt=1)
    """episodes: N classes of M segments each."""
    samples_per_class: int = Field(default=4, gt=1)
    """episodes: M."""
    non_targets: int = Field(default=6, ge=0)
    """ap_fc: non-target segments beside one of each target (Huh et al.: N' = 6)."""


class TrainingConfig(Section):
    """The optimisation."""

    input: Literal["features", "waveforms"] = "features"
    """`waveforms`: batches are distorted as sound and featurised on the device; slower, and more robust."""
    data: Literal["cache", "stream"] = "cache"
    """`cache`: training rows as one mapped file on each node. `stream`: from parts by label, for what no disk holds."""
    stream: StreamConfig = StreamConfig()
    epochs: int = Field(default=25, gt=0)
    batch_size: int = Field(default=32, gt=1)
    """Not for episodes and ap_fc, whose own numbers decide."""
    max_steps_per_epoch: int = Field(default=0, ge=0)
    """0: every training segment once an epoch."""
    repeats: dict[str, int] = Field(default_factory=dict)
    """By corpus: how often an epoch counts its training segments; once where it is not named."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: Share = 0.9
    """sgd only."""
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    """`plateau`: the rate is multiplied by `plateau_factor` when the development cost falls by less than
    `plateau_gain` of itself (Ma et al.: x 0.7 below 1 %)."""
    plateau_factor: float = Field(default=0.7, gt=0, lt=1)
    plateau_gain: float = Field(default=0.01, ge=0, lt=1)
    warm_up_epochs: float = Field(default=1.0, ge=0)
    clip_norm: float = Field(default=5.0, gt=0)
    """Gradients longer than this are shortened to it."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16`: autocast; twice as fast where the device has it, an error where it has not."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Above 0: the weights that are judged and delivered are an exponential moving average over steps."""
    patience: int = Field(default=0, ge=0)
    """Above 0: training stops after as many epochs without a better development cost; the best weights are kept."""

    @model_validator(mode="after")
    def _check(self) -> "TrainingConfig":
        for corpus, times in self.repeats.items():
            if times < 1:
                raise ValueError(f"repeats of corpus {corpus!r} is {times}; 1 is the least")
        return self


class StrategyConfig(Section):
    """In how many stages the encoder is trained."""

    name: Literal["single_stage", "two_stage", "fine_tune"] = "single_stage"
    """two_stage (Arora et al.): clustered pre-training, then a classifier on the frozen encoder and end to end, the
    better on development data kept. fine_tune: starts from the encoder of a bundle."""
    pretraining_epochs: int = Field(default=10, gt=0)
    """two_stage: epochs of the first stage."""
    background_clusters: int = Field(default=0, ge=0)
    """two_stage: k-means pseudo-classes that background is split into before pre-training; 0: as many as give
    clusters of about the size of the rare classes."""
    bundle: str = ""
    """fine_tune: a bundle folder, `universal`, `models:/name@alias`, or `champion`: the experiment's own champion where
    there is one of the same features and encoder, else fresh weights."""

    @model_validator(mode="after")
    def _check(self) -> "StrategyConfig":
        if (self.name == "fine_tune") != bool(self.bundle):
            raise ValueError("strategy fine_tune and strategy.bundle go together")
        return self
