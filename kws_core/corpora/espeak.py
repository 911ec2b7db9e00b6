"""Speech from eSpeak NG with true word boundaries, through ctypes.

The C library is global and not pure: its random generator is seeded from the clock, and flutter, echo and oscillator
phases carry over from one utterance to the next. `Synthesizer` therefore loads the library afresh for each utterance
(about 1 ms), seeds it, and unloads it, behind one lock for the process. Same inputs, same samples.
"""

import ctypes
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import CorpusError

if sys.platform == "win32":
    from _ctypes import FreeLibrary as _unload
else:
    from _ctypes import dlclose as _unload

# Constants of speak_lib.h, eSpeak NG 1.52.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _DO_NOT_EXIT = 0x0001, 0x8000
_UTF8 = 1
_RATE, _PITCH = 1, 3
_EVENT_END_OF_LIST, _EVENT_WORD, _EVENT_END, _EVENT_PHONEME = 0, 1, 5, 7

# These draw their breath from the C library's rand(), which is not eSpeak's to seed: no two utterances are the same.
_UNREPEATABLE = ("Reed", "caleb")

_LOCK = threading.Lock()


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
        with _LOCK:
            speech = _speak(self._library, self._data, text, voice, rate_words_per_minute, pitch)
        pcm = soxr.resample(speech.samples, speech.rate_hz, SAMPLE_RATE_HZ, quality="HQ")
        return Synthesis(pcm.astype(np.int16), _reference_words(text, speech))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


@dataclass(frozen=True)
class _Speech:
    """Samples at eSpeak's own rate; events as (type, text position from 0, length, sample, phoneme)."""

    samples: NDArray[np.int16]
    rate_hz: int
    events: tuple[tuple[int, int, int, int, bytes], ...]


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


def _speak(library_path: Path, data: Path, text: str, voice: str, rate: int, pitch: int) -> _Speech:
    buffers: list[NDArray[np.int16]] = []
    events: list[tuple[int, int, int, int, bytes]] = []

    def collect(samples: Any, count: int, event: Any) -> int:
        if samples and count:
            buffers.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while event[index].type != _EVENT_END_OF_LIST:
            found = event[index]
            events.append((found.type, found.text_position - 1, found.length, found.sample, found.name))
            index += 1
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))(
        collect
    )
    library = ctypes.CDLL(str(library_path))
    try:
        options = _PHONEME_EVENTS | _DO_NOT_EXIT
        rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), options)
        if rate_hz <= 0:
            raise CorpusError(
                f"eSpeak NG cannot read its data in {data.name}: they are damaged, or their path is longer than the "
                "159 characters that it accepts; pip install 'kws-foundry[demo]' again"
            )
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.encode()):
            raise CorpusError(f"eSpeak NG has no voice {voice!r}; use an accent such as en-us, or en-us+f2")
        library.espeak_SetParameter(_RATE, rate, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        encoded = text.encode()
        library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    finally:
        library.espeak_Terminate()
        _unload(library._handle)
    if not buffers:
        raise CorpusError(f"eSpeak NG voice {voice!r} says nothing for {text!r}")
    return _Speech(np.concatenate(buffers), rate_hz, tuple(events))


def _reference_words(text: str, speech: _Speech) -> tuple[ReferenceWord, ...]:
    words = text.split(" ")
    starts = [event for event in speech.events if event[0] == _EVENT_WORD]
    spoken = [text[position : position + length] for _, position, length, _, _ in starts]
    if spoken != words:
        raise CorpusError(f"eSpeak NG joins or splits words of {text!r}: it reports {' | '.join(spoken)}")
    sounds = [sample for kind, _, _, sample, name in speech.events if kind == _EVENT_PHONEME and name[:1] != b"_"]
    pauses = [
        sample
        for kind, _, _, sample, name in speech.events
        if kind == _EVENT_END or (kind == _EVENT_PHONEME and name[:1] == b"_")
    ]
    onsets = [sample for _, _, _, sample, _ in starts]
    onsets[0] = sounds[0]
    reference = []
    for index, (word, onset) in enumerate(zip(words, onsets, strict=True)):
        following = [*onsets[index + 1 : index + 2], *(pause for pause in pauses if pause > onset)]
        start_s, end_s = onset / speech.rate_hz, min(following) / speech.rate_hz
        reference.append(ReferenceWord(word, start_s, end_s))
    return tuple(reference)
