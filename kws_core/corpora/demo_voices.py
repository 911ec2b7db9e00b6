"""The speakers of the demo corpus: eSpeak NG voice variants, screened to be intelligible and distinct."""

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
    Voice("robosoft3", "en-us-nyc", 165, 55),
    Voice("Storm", "en-gb-x-rp", 207, 42),
    Voice("Denis", "en-029", 207, 55),
    Voice("Diogo", "en-gb-x-gbclan", 196, 54),
    Voice("Henrique", "en-us", 203, 45),
    Voice("miguel", "en", 207, 43),
    Voice("Gene", "en-gb-scotland", 187, 52),
    Voice("caleb", "en-us-nyc", 189, 48),
    Voice("benjamin", "en-gb-x-rp", 183, 45),
    Voice("victor", "en-029", 195, 51),
    Voice("max", "en-gb-x-gbclan", 207, 47),
    Voice("Mike", "en-us", 200, 54),
    Voice("mike2", "en", 198, 41),
    Voice("f5", "en-gb-scotland", 198, 42),
    Voice("m1", "en-us-nyc", 190, 51),
    Voice("robosoft", "en-gb-x-rp", 158, 42),
    Voice("Hugo", "en-029", 193, 53),
    Voice("robosoft5", "en-gb-x-gbclan", 167, 41),
    Voice("klatt3", "en-us", 214, 46),
    Voice("Alex", "en", 208, 57),
    Voice("robosoft4", "en-gb-scotland", 173, 60),
    Voice("robosoft7", "en-us-nyc", 157, 56),
    Voice("f2", "en-gb-x-rp", 202, 45),
    Voice("robosoft2", "en-029", 159, 60),
    Voice("Gene2", "en-gb-x-gbclan", 195, 52),
    Voice("pedro", "en-us", 156, 49),
    Voice("Reed", "en", 183, 52),
    Voice("klatt5", "en-gb-scotland", 215, 48),
    Voice("klatt4", "en-us-nyc", 189, 44),
)

HELD_BACK_VOICE = Voice("announcer", "en-us", 190, 50)
