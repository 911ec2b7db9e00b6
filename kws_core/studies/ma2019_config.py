"""Configuration of the study `ma2019`."""

from pydantic import Field, model_validator

from kws_core.studies.study import AROUND, StudyConfig


class Ma2019Config(StudyConfig):
    """The losses compared; `selection` gives vocabulary, pair lists and speaker policy.

    A corpus with `use: test` is heard by nobody in training and gives a cross-corpus pair list; one with `use: train`,
    such as synthesised speech, trains and never judges.
    """

    margins: tuple[float, ...] = Field(default=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35), min_length=1)
    """Of the additive margin, each a training of its own; the best on development pairs is reported as chosen."""
    scale: float = Field(default=30.0, gt=0)
    """What cosines are multiplied by, for normalisation with and without margin."""
    margin_ramp_epochs: int = Field(default=15, ge=0)
    far: float = Field(default=0.02, gt=0, lt=1)
    """False acceptance rate at which FRR is reported."""
    pair_seed: int = 0
    """Draws the pair lists; they are the same for all methods and seeds."""

    around = AROUND | {"margins"}

    @model_validator(mode="after")
    def _check(self) -> "Ma2019Config":
        if len(set(self.margins)) < len(self.margins) or not all(0 < margin < 1 for margin in self.margins):
            raise ValueError(f"margins must differ and lie between 0 and 1, not {self.margins}")
        return self
