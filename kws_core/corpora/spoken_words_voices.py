"""Who speaks the corpus of spoken words: eSpeak NG variants, and pseudo-speakers of natural voices.

The variants are those of the demo corpus and what else passes `tests/benchmarks/screen_word_voices.py`: 28 of the
other 61. A variant is one speaker with all accents, languages and pitches that it speaks in, and has the same id in
both corpora, so that none is heard on both sides of a split.
"""

from dataclasses import dataclass
from typing import Literal

from kws_core.corpora.demo_voices import VOICES

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-us-nyc", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
"""English as eSpeak speaks it."""

_DEMO_RATE = 200
"""The rate in words a minute that the rates of the voices aim at, before each one's drawl is made up for."""
_MORE_VARIANTS = (
    ("Andy", 217),
    ("Annie", 183),
    ("Jacky", 214),
    ("Storm", 207),
    ("anika", 157),
    ("antonio", 164),
    ("aunty", 220),
    ("belinda", 201),
    ("croak", 213),
    ("edward2", 186),
    ("f3", 207),
    ("grandma", 192),
    ("iven2", 197),
    ("iven3", 188),
    ("iven4", 199),
    ("john", 205),
    ("klatt", 206),
    ("linda", 194),
    ("m2", 206),
    ("m3", 187),
    ("m5", 193),
    ("m6", 198),
    ("pablo", 190),
    ("quincy", 216),
    ("robosoft6", 215),
    ("robosoft8", 214),
    ("steph", 195),
    ("steph2", 197),
)


@dataclass(frozen=True)
class Variant:
    """An eSpeak voice variant; `drawl` is the factor by which its rate must be raised to sound as fast as others."""

    name: str
    drawl: float

    @property
    def speaker_id(self) -> str:
        """`espeak-<variant>`, as in the demo corpus."""
        return f"espeak-{self.name}"


@dataclass(frozen=True)
class PseudoSpeaker:
    """A natural voice whose pitch and formants are raised together by `percent`, by resampling."""

    engine: Literal["hibari", "piper"]
    voice: str
    percent: int

    @property
    def speaker_id(self) -> str:
        """`<engine>-<voice><percent>`, such as `piper-joe+11`."""
        return f"{self.engine}-{self.voice}{self.percent:+d}"


VARIANTS: tuple[Variant, ...] = (
    *(Variant(voice.variant, voice.rate_words_per_minute / _DEMO_RATE) for voice in VOICES),
    *(Variant(name, rate / _DEMO_RATE) for name, rate in _MORE_VARIANTS),
)

NATURAL: tuple[tuple[PseudoSpeaker, ...], ...] = (
    tuple(PseudoSpeaker("hibari", "us", percent) for percent in (-17, -12, -8, -3, 4, 8)),
    tuple(PseudoSpeaker("hibari", "gb", percent) for percent in (-16, -12, -8, -1, 4)),
    tuple(PseudoSpeaker("piper", "joe", percent) for percent in (-12, -8, -3, 5, 11, 20)),
)
"""Pseudo-speakers by voice. Splits hash the speaker and know no families, so the percentages are chosen such that every
one is a training speaker as long as development and test together take at most half of the speakers. The voice of
hibari is a woman's, that of piper a man's: one is lowered further, the other raised."""
