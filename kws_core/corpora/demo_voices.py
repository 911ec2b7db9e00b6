"""The speakers of the demo corpus: eSpeak NG voice variants, screened to be intelligible and distinct.

Screened by `tests/benchmarks/screen_voices.py`, which 43 of the 104 variants passed: PocketSphinx, choosing among the
237 words of the corpus, recognises 60 % of 37 test words spoken with its own accent (en-us) and 40 % with the accent
given here; eight sentences align whole with a median onset error of at most 50 ms; the long-term spectrum is 1.5 dB
or more from that of every voice listed before. Whispers and variants that never sound the same twice are left out.
Accents rotate.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """One speaker: an eSpeak voice variant with the accent, rate and pitch it speaks in."""

    variant: str
    accent: str
    rate_words_per_minute: int
    pitch: int

    @property
    def speaker_id(self) -> str:
        """`espeak-<variant>`: no variant serves two speakers, so none is heard on both sides of a split."""
        return f"espeak-{self.variant}"

    @property
    def espeak_name(self) -> str:
        """The name by which eSpeak knows this voice."""
        return f"{self.accent}+{self.variant}"


VOICES: tuple[Voice, ...] = (
    Voice("m7", "en-us", 202, 41),
    Voice("paul", "en", 200, 53),
    Voice("klatt2", "en-gb-scotland", 186, 41),
    Voice("michel", "en-us-nyc", 188, 51),
    Voice("fast", "en-gb-x-rp", 210, 55),
    Voice("sandro", "en-029", 209, 43),
    Voice("Nguyen", "en-gb-x-gbclan", 186, 44),
    Voice("m4", "en-us", 209, 47),
    Voice("edward", "en", 211, 54),
    Voice("f1", "en-gb-scotland", 213, 51),
    Voice("announcer", "en-us-nyc", 206, 53),
    Voice("robosoft3", "en-gb-x-rp", 165, 55),
    Voice("Denis", "en-029", 207, 55),
    Voice("m8", "en-gb-x-gbclan", 195, 53),
    Voice("Diogo", "en-us", 198, 54),
    Voice("Henrique", "en", 202, 45),
    Voice("miguel", "en-gb-scotland", 208, 43),
    Voice("Mario", "en-us-nyc", 199, 45),
    Voice("anikaRobot", "en-gb-x-rp", 150, 50),
    Voice("Gene", "en-029", 186, 52),
    Voice("iven", "en-gb-x-gbclan", 209, 56),
    Voice("klatt4", "en-us", 191, 44),
    Voice("benjamin", "en", 184, 45),
    Voice("victor", "en-gb-scotland", 196, 51),
    Voice("max", "en-us-nyc", 207, 47),
    Voice("ed", "en-gb-x-rp", 185, 48),
    Voice("Mike", "en-029", 200, 54),
    Voice("mike2", "en-gb-x-gbclan", 197, 41),
    Voice("f5", "en-us", 200, 42),
    Voice("m1", "en", 192, 51),
    Voice("robosoft", "en-gb-scotland", 160, 42),
    Voice("Hugo", "en-us-nyc", 194, 53),
    Voice("robosoft5", "en-gb-x-rp", 173, 41),
    Voice("klatt3", "en-029", 212, 46),
    Voice("Alex", "en-gb-x-gbclan", 209, 57),
    Voice("robosoft4", "en-us", 170, 60),
    Voice("robosoft7", "en", 157, 56),
    Voice("f2", "en-gb-scotland", 205, 45),
    Voice("robosoft2", "en-us-nyc", 162, 60),
    Voice("Gene2", "en-gb-x-rp", 194, 52),
    Voice("pedro", "en-029", 154, 49),
    Voice("klatt5", "en-gb-x-gbclan", 215, 48),
)
"""Speakers, in the order in which a corpus takes them; no variant is used twice."""

HELD_BACK_VOICE = Voice("rob", "en-us", 192, 51)
"""A screened voice that is in no corpus, nor any of its family: it speaks the recording that nobody trained on."""
