"""What every corpus states, whatever its recipe."""

from typing import ClassVar, Literal

from pydantic import model_validator

from kws_core.config.base import Section

AlignerName = Literal["pocketsphinx", "mfa", "whole_clip"]


class CorpusSection(Section):
    """What every corpus states, whatever its recipe."""

    language: str = "en"
    aligner: AlignerName = "pocketsphinx"
    """`pocketsphinx` for English sentences, `mfa` for sentences of any language (see `alignment.mfa`), `whole_clip` for
    recordings of one isolated word."""
    second_aligner: Literal["", "pocketsphinx", "mfa"] = ""
    """A second opinion: how far its word boundaries lie from those of `aligner` goes into `words.disagreement_s`."""
    use: Literal["split", "official", "train", "test", "noise"] = "split"
    """`split`: speakers are split by hash. `official`: the split that the corpus comes with decides. `train`: all of
    them are trained on. `test`: heard by nobody in training, reported as a cross-corpus test. `noise`: recordings that
    training on waveforms adds to its inputs; they need no transcript, and are neither aligned nor cut into words."""
    official_splits: ClassVar[bool] = False
    """Whether recordings of the recipe can come with an official split."""
    noise_recordings: ClassVar[bool] = False
    """Whether recordings of the recipe can serve as noise."""

    @model_validator(mode="after")
    def _check_second_aligner(self) -> "CorpusSection":
        if self.second_aligner == self.aligner:
            raise ValueError(f"second_aligner is {self.aligner}, as aligner is: name another one, or leave it out")
        return self

    @model_validator(mode="after")
    def _check_use(self) -> "CorpusSection":
        if self.use == "official" and not self.official_splits:
            name = getattr(self, "recipe", "")
            raise ValueError(f"use: official needs a corpus that comes with splits; recipe {name} has none")
        return self
