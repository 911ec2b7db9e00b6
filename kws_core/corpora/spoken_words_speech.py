"""A planned word as samples: the engines, the speaker's shift, level, margins and noise floor."""

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

from kws_core.audio import Pcm16
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.demo import MARGIN_S, NOISE_RMS
from kws_core.corpora.espeak import Synthesizer
from kws_core.corpora.spoken_words import PlannedWord
from kws_core.corpora.spoken_words_hibari import HibariHeart
from kws_core.corpora.spoken_words_piper import PiperJoe
from kws_core.errors import CorpusError

TRIM_DB = 45.0
"""What an engine leaves before and after a word is cut where it is this far below the loudest frame."""
ACTIVE_DB = 25.0
"""The active level is the mean power of the frames that are at most this far below the loudest one."""
PEAK = 0.97
_FRAME = SAMPLE_RATE_HZ // 100

Speech = tuple[NDArray[np.float32], float]
"""Samples with full scale 1, and their rate in Hz."""


class WordSpeaker:
    """Speaks planned words; an engine is loaded when its first word comes. Same plan, same samples."""

    def __init__(self) -> None:
        self._engines: dict[str, Callable[[PlannedWord], Speech]] = {}

    def speak(self, word: PlannedWord) -> Pcm16:
        """The word at 16 kHz, between margins, over a noise floor of -60 dB.

        Raises `CorpusError` when the engine is not installed, or has nothing to say for the word.
        """
        if word.engine not in self._engines:
            self._engines[word.engine] = _LOADERS[word.engine]()
        samples, rate_hz = self._engines[word.engine](word)
        if not samples.any():
            raise CorpusError(f"{word.voice} of {word.engine} says nothing for {word.spoken!r}")
        # Played faster, pitch and formants rise together; engines are told to speak that much more slowly.
        heard = soxr.resample(samples, rate_hz * word.shift, SAMPLE_RATE_HZ, quality="HQ")
        generator = np.random.default_rng([word.seed, 1])
        before, after = (round(margin * SAMPLE_RATE_HZ) for margin in generator.uniform(*MARGIN_S, size=2))
        padded = np.pad(_levelled(_trimmed(heard), word.level_db), (before, after))
        noisy = padded + generator.normal(0, NOISE_RMS, len(padded))
        return np.clip(np.round(noisy * 32768), -32768, 32767).astype(np.int16)


def _espeak() -> Callable[[PlannedWord], Speech]:
    synthesizer = Synthesizer()

    def speak(word: PlannedWord) -> Speech:
        rate = min(max(round(word.speed / word.shift), 80), 450)
        pcm = synthesizer.synthesize(word.spoken, word.voice, rate, word.pitch).pcm16
        return pcm.astype(np.float32) / np.float32(32768), float(SAMPLE_RATE_HZ)

    return speak


def _hibari() -> Callable[[PlannedWord], Speech]:
    heart = HibariHeart()

    def speak(word: PlannedWord) -> Speech:
        samples = heart.speak(word.spoken, word.voice, word.speed / word.shift, word.pitch / 100, word.seed)
        return samples, float(heart.sample_rate_hz)

    return speak


def _piper() -> Callable[[PlannedWord], Speech]:
    joe = PiperJoe()
    return lambda word: (joe.speak(word.spoken, word.shift / word.speed, word.seed), float(joe.sample_rate_hz))


_LOADERS = {"espeak": _espeak, "hibari": _hibari, "piper": _piper}


def _trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    power = _frame_power(samples)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-TRIM_DB / 10))
    return samples[loud[0] * _FRAME : (loud[-1] + 1) * _FRAME]


def _levelled(samples: NDArray[np.float32], level_db: float) -> NDArray[np.float32]:
    power = _frame_power(samples)
    active = power[power >= power.max() * 10 ** (-ACTIVE_DB / 10)].mean()
    gain = 10 ** (level_db / 20) / np.sqrt(active)
    return samples * np.float32(min(gain, PEAK / np.abs(samples).max()))


def _frame_power(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean square of every 10 ms; the last frame is filled with zeros."""
    frames = np.pad(samples, (0, -len(samples) % _FRAME)).reshape(-1, _FRAME)
    return np.asarray(np.mean(np.square(frames, dtype=np.float64), axis=1))
