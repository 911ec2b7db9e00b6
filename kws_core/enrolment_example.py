"""A recording of a keyword said alone: found in its recording, checked, and centred in the spotter's window."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import float_to_pcm16
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import AudioError
from kws_core.features.window import window_waveform
from kws_core.speech_span import speech_span

LONGEST_RECORDING_S = 10.0
SHORTEST_WORD_S, LONGEST_WORD_S = 0.1, 1.5
# Root mean square of the word, full scale 1: -60 dB is below what a microphone's own noise reaches.
SMALLEST_RMS = 1e-3
# Samples at the end of the scale, and the largest share of the word that they may be.
CLIPPED_AT = 0.999
LARGEST_CLIPPED_SHARE = 0.01
# Level of the word above that outside of it, where there is so much outside. Of 285 recordings of commands by
# development speakers four are below.
SMALLEST_SNR_DB = 6.0
SHORTEST_OUTSIDE_S = 0.1


@dataclass(frozen=True, eq=False)
class Example:
    """A recording `pcm [samples]`, float32, 16 kHz mono, full scale 1; `name` is what errors call it."""

    name: str
    pcm: NDArray[np.float32]

    @property
    def sha256(self) -> str:
        """Identity of the samples."""
        return hashlib.sha256(np.ascontiguousarray(self.pcm, "<f4").tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class LocatedWord:
    """`window [16000]` with the word at its centre, full scale 1, and how long the word is."""

    window: NDArray[np.float32]
    duration_s: float


def locate_word(example: Example) -> LocatedWord:
    """Find the word by its energy.

    Raises:
        AudioError: the recording is empty, longer than 10 s, silent, clipped, noisy or without a word that stands
            out, or what stands out is shorter than 0.1 s or longer than 1.5 s.
    """
    pcm, name = example.pcm, example.name
    length_s = len(pcm) / SAMPLE_RATE_HZ
    if pcm.ndim != 1 or not len(pcm) or not np.isfinite(pcm).all():
        raise AudioError(f"{name}: samples [n] that are numbers are needed, not {list(pcm.shape)}")
    if length_s > LONGEST_RECORDING_S:
        raise AudioError(f"{name}: {length_s:.1f} s long; at most {LONGEST_RECORDING_S:g} s are accepted")
    if _rms(pcm) == 0:
        raise AudioError(f"{name}: silence")
    span = speech_span(float_to_pcm16(pcm))
    if span is None:
        raise AudioError(f"{name}: no word stands out, the level hardly varies")
    start_s, end_s = span
    word = pcm[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
    if _rms(word) < SMALLEST_RMS:
        raise AudioError(f"{name}: silence, the loudest part has a level of {20 * np.log10(_rms(word)):.0f} dB")
    duration_s = end_s - start_s
    if duration_s < SHORTEST_WORD_S:
        raise AudioError(f"{name}: {duration_s:.2f} s of speech; at least {SHORTEST_WORD_S:g} s are needed")
    if duration_s > LONGEST_WORD_S:
        raise AudioError(
            f"{name}: {duration_s:.2f} s of speech; at most {LONGEST_WORD_S:g} s are accepted: say the keyword alone"
        )
    clipped = float((np.abs(word) >= CLIPPED_AT).mean())
    if clipped > LARGEST_CLIPPED_SHARE:
        raise AudioError(
            f"{name}: {clipped:.1%} of the word is clipped; at most {LARGEST_CLIPPED_SHARE:.0%} is accepted"
        )
    _check_noise(name, pcm, start_s, end_s)
    centre = round((start_s + end_s) / 2 * SAMPLE_RATE_HZ)
    return LocatedWord(window_waveform(pcm.astype(np.float32, copy=False), centre, SAMPLE_RATE_HZ), duration_s)


def _check_noise(name: str, pcm: NDArray[np.float32], start_s: float, end_s: float) -> None:
    """Raise `AudioError` where the word is hardly louder than what is before and after it."""
    first, last = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
    outside = np.concatenate([pcm[:first], pcm[last:]])
    if len(outside) < SHORTEST_OUTSIDE_S * SAMPLE_RATE_HZ:
        return
    snr_db = 20 * np.log10(_rms(pcm[first:last]) / max(_rms(outside), 1e-9))
    if snr_db < SMALLEST_SNR_DB:
        raise AudioError(
            f"{name}: noisy, the word is {snr_db:.0f} dB louder than the rest of the recording; at least "
            f"{SMALLEST_SNR_DB:g} dB are needed"
        )


def _rms(pcm: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64)))) if len(pcm) else 0.0
