"""The C library of eSpeak NG, through ctypes: one utterance at a time, the same samples for the same inputs.

The library is global and not pure: its random generator is seeded from the clock, and flutter, echo and oscillator
phases carry over from one utterance to the next. `speak` therefore loads it afresh for each utterance (about 1 ms),
seeds it, and unloads it, behind one lock for the process.
"""

import ctypes
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
_END_OF_LIST, EVENT_WORD, EVENT_END, EVENT_PHONEME = 0, 1, 5, 7

_LOCK = threading.Lock()


@dataclass(frozen=True)
class Speech:
    """Samples at eSpeak's own rate; events as (type, text position from 0, length, sample, phoneme)."""

    samples: NDArray[np.int16]
    rate_hz: int
    events: tuple[tuple[int, int, int, int, bytes], ...]


def speak(library_path: Path, data: Path, text: str, voice: str, rate: int, pitch: int) -> Speech:
    """Speak a text with the library and data of these paths; one caller at a time, whatever the thread.

    Raises:
        CorpusError: the data cannot be read, or the voice is unknown or says nothing.
    """
    with _LOCK:
        return _speak(library_path, data, text, voice, rate, pitch)


def _speak(library_path: Path, data: Path, text: str, voice: str, rate: int, pitch: int) -> Speech:
    buffers: list[NDArray[np.int16]] = []
    events: list[tuple[int, int, int, int, bytes]] = []

    def collect(samples: Any, count: int, event: Any) -> int:
        if samples and count:
            buffers.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while event[index].type != _END_OF_LIST:
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
    return Speech(np.concatenate(buffers), rate_hz, tuple(events))


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
