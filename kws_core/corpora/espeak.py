"""Speech from eSpeak NG with true word boundaries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.espeak_library import EVENT_END, EVENT_PHONEME, EVENT_WORD, Speech, speak
from kws_core.errors import CorpusError

# These draw their breath from the C library's rand(), which is not eSpeak's to seed: no two utterances are the same.
_UNREPEATABLE = ("Reed", "caleb")


@dataclass(frozen=True)
class ReferenceWord:
    """A word and where it truly lies, in seconds from the start of the signal."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Synthesis:
    """What one text sounds like: `pcm16 [samples]` at 16 kHz mono, and its words."""

    pcm16: NDArray[np.int16]
    words: tuple[ReferenceWord, ...]


class Synthesizer:
    """eSpeak NG from the package `espeakng-loader`; any number of instances and threads share one lock.

    Raises `CorpusError` when the package or its data is missing.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader

            self._library = Path(espeakng_loader.get_library_path())
            self._data = Path(espeakng_loader.get_data_path())
        except (ImportError, RuntimeError) as error:
            raise CorpusError("eSpeak NG is not installed: pip install 'kws-foundry[demo]'") from error
        for path in (self._library, self._data / "phontab"):
            if not path.exists():
                raise CorpusError(f"eSpeak NG has no file {path.name}: pip install 'kws-foundry[demo]' again")
        names = (file.name for file in (self._data / "voices" / "!v").iterdir())
        self.variants = tuple(sorted(name for name in names if name not in _UNREPEATABLE))
        """Names of the voice variants; two that never sound the same twice are left out."""

    def synthesize(self, text: str, voice: str, rate_words_per_minute: int = 175, pitch: int = 50) -> Synthesis:
        """Speak lower-case words separated by single spaces, by a voice named `accent` or `accent+variant`.

        A word starts at its first sound. The pause that eSpeak makes for the closure of a stop counts as sound inside
        an utterance, where aligners see it as part of the stop, and as silence before the first word. A word ends where
        the next starts, or at the first pause if that is earlier; the last word ends where speech ends.

        Rate is 80 to 450 words a minute, pitch 0 to 99. Raises `CorpusError` for values out of range, for an unknown
        accent or variant, and where eSpeak joins words ("on the", "of the") or reads one as several ("7").
        """
        _check(text, voice, rate_words_per_minute, pitch, self.variants)
        speech = speak(self._library, self._data, text, voice, rate_words_per_minute, pitch)
        pcm = soxr.resample(speech.samples, speech.rate_hz, SAMPLE_RATE_HZ, quality="HQ")
        return Synthesis(pcm.astype(np.int16), _reference_words(text, speech))


def _check(text: str, voice: str, rate: int, pitch: int, variants: tuple[str, ...]) -> None:
    if not text or text != " ".join(text.split()):
        raise CorpusError(f"text {text!r} is not words separated by single spaces")
    if not 80 <= rate <= 450:
        raise CorpusError(f"rate_words_per_minute is {rate}; eSpeak NG accepts 80 to 450")
    if not 0 <= pitch <= 99:
        raise CorpusError(f"pitch is {pitch}; eSpeak NG accepts 0 to 99")
    _, plus, variant = voice.partition("+")
    # eSpeak itself ignores an unknown variant without a word.
    if plus and variant not in variants:
        raise CorpusError(f"eSpeak NG has no voice variant {variant!r}; it has {', '.join(variants)}")


def _reference_words(text: str, speech: Speech) -> tuple[ReferenceWord, ...]:
    words = text.split(" ")
    starts = [event for event in speech.events if event[0] == EVENT_WORD]
    spoken = [text[position : position + length] for _, position, length, _, _ in starts]
    if spoken != words:
        raise CorpusError(f"eSpeak NG joins or splits words of {text!r}: it reports {' | '.join(spoken)}")
    sounds = [sample for kind, _, _, sample, name in speech.events if kind == EVENT_PHONEME and name[:1] != b"_"]
    pauses = [
        sample
        for kind, _, _, sample, name in speech.events
        if kind == EVENT_END or (kind == EVENT_PHONEME and name[:1] == b"_")
    ]
    onsets = [sample for _, _, _, sample, _ in starts]
    onsets[0] = sounds[0]
    reference = []
    for index, (word, onset) in enumerate(zip(words, onsets, strict=True)):
        following = [*onsets[index + 1 : index + 2], *(pause for pause in pauses if pause > onset)]
        start_s, end_s = onset / speech.rate_hz, min(following) / speech.rate_hz
        reference.append(ReferenceWord(word, start_s, end_s))
    return tuple(reference)
