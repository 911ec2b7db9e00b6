"""Corpora: where recordings come from, and what they serve for."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kws_core.config.base import PositiveSeconds, Section, check_durations


class CorpusSection(Section):
    """What every corpus states, whatever its recipe."""

    aligner: Literal["pocketsphinx", "whole_clip"] = "pocketsphinx"
    """`pocketsphinx` for sentences, `whole_clip` for recordings of one isolated word."""
    use: Literal["split", "test"] = "split"
    """`split`: speakers are split by hash. `test`: heard by nobody in training, reported as a cross-corpus test."""
    language: str = "en"


class DemoCorpusConfig(CorpusSection):
    """Speech synthesised by eSpeak NG (recipe `demo`)."""

    recipe: Literal["demo"] = "demo"
    speakers: int = Field(default=36, ge=1)
    """How many of the screened voices speak; each is one speaker."""
    keyword_repeats: int = Field(default=2, ge=1)
    """Carrier sentences per keyword and speaker, beside one recording of the keyword alone."""
    other_words: int = Field(default=30, ge=0)
    """Other words that each speaker says alone, drawn from the list of the recipe."""
    seed: int = 0


class ManifestCorpusConfig(CorpusSection):
    """Any TSV with the columns `path speaker text` (recipe `manifest`)."""

    recipe: Literal["manifest"] = "manifest"
    path: str
    """The TSV; audio paths in it are relative to its folder."""
    include: tuple[str, ...] = ("*",)
    """Glob patterns on the column `path`: a row is read when it matches any of them."""
    licence: str = "unknown"
    """Licence of rows whose table has no column `licence`."""


CorpusConfig = Annotated[DemoCorpusConfig | ManifestCorpusConfig, Field(discriminator="recipe")]


class IngestConfig(Section):
    """Recordings to utterances."""

    part_bytes: int = Field(default=64 * 2**20, gt=0)
    """Source bytes per part, in the mean; parts hold whole speakers."""
    min_duration_s: PositiveSeconds = 0.1
    max_duration_s: PositiveSeconds = 60.0

    @model_validator(mode="after")
    def _check(self) -> "IngestConfig":
        check_durations(self.min_duration_s, self.max_duration_s)
        return self
