"""How the features stage works: augmented copies, and what each of its workers takes."""

from pydantic import Field, model_validator

from kws_core.config.base import Section


class FeaturesStageConfig(Section):
    """The stage from segments to features; the front end itself is `features`."""

    copies: int = Field(default=0, ge=0)
    """Noisy renderings of every segment by `augmentation.waveform`, beside the segment as it is. Training on stored
    features learns from those of the training speakers."""
    cpus: float = Field(default=1.0, gt=0)
    """What a worker takes; a fraction shares a CPU."""
    gpus: float = Field(default=0.25, ge=0)
    """What a worker takes where the cluster has GPUs; a fraction shares one. 0 stays on CPUs."""

    @model_validator(mode="after")
    def _check(self) -> "FeaturesStageConfig":
        if self.gpus > 1 and self.gpus % 1:
            raise ValueError(f"gpus above 1 must be a whole number, not {self.gpus:g}")
        return self
