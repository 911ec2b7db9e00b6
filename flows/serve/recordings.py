"""A recording that a stranger sent, decoded within limits."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from flows.serve.problems import Refusal
from kws_core.audio import AudioFile, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import AudioError

MOST_CHANNELS = 16
HIGHEST_RATE_HZ = 192_000
UNKNOWN_LENGTH = 2**62
"""Frames at which, and above, libsndfile says that the header does not tell."""


def decode_recording(content: bytes, longest_s: float, name: str = "the recording") -> NDArray[np.float32]:
    """Samples `[n]`, 16 kHz mono, full scale 1, of a file in any format that soundfile reads.

    Raises:
        Refusal: it is empty or no audio (422), or longer than `longest_s` or wider than is accepted (413).
    """
    try:
        _check_shape(content, longest_s, name)
        with AudioFile(content, name) as file:
            decoded = file.read(longest_s=longest_s + 1)
    except AudioError as error:
        raise Refusal(422, str(error)) from error
    _check_duration(max(decoded.duration_s, len(decoded.pcm) / SAMPLE_RATE_HZ), longest_s, name)
    return pcm16_to_float(decoded.pcm)


def _check_shape(content: bytes, longest_s: float, name: str) -> None:
    """Refuse by the header what a few compressed bytes would fill the memory with."""
    try:
        found = soundfile.info(io.BytesIO(content))
    except (soundfile.LibsndfileError, RuntimeError, TypeError):
        return  # the decoder says it in full
    if found.channels > MOST_CHANNELS or found.samplerate > HIGHEST_RATE_HZ:
        raise Refusal(
            413,
            f"{name}: {found.channels} channels at {found.samplerate} Hz; at most {MOST_CHANNELS} channels and "
            f"{HIGHEST_RATE_HZ} Hz are accepted",
        )
    if found.frames < UNKNOWN_LENGTH:
        _check_duration(found.duration, longest_s, name)


def _check_duration(duration_s: float, longest_s: float, name: str) -> None:
    if duration_s > longest_s:
        raise Refusal(413, f"{name}: {duration_s:.1f} s long; at most {longest_s:g} s are accepted")
