"""Recordings in and out: any common format to 16 kHz mono PCM, and FLAC."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import AudioError

Pcm16 = NDArray[np.int16]

LOWEST_RATE_HZ = 4000
BLOCK_FRAMES = 2**18


def decode_file(path: Path) -> Pcm16:
    """Decode a recording of any rate and channels to 16 kHz mono `[samples]`.

    Raises:
        AudioError: the file is missing, empty or not audio.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a path with a zero byte
        raise AudioError(f"{path}: cannot be read: {error}") from error
    return decode_bytes(content, str(path))


def decode_bytes(content: bytes, name: str) -> Pcm16:
    """Decode a recording held in memory; `name` is what an error calls it."""
    if not content:
        raise AudioError(f"{name}: the file is empty")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate = file.samplerate
            # block by block: a damaged header may promise more samples than fit in memory
            blocks = []
            while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                blocks.append(block.mean(axis=1))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{name}: not a readable recording (WAV, FLAC, OGG, MP3 are accepted)") from error
    if not blocks:
        raise AudioError(f"{name}: the recording holds no samples")
    if rate < LOWEST_RATE_HZ:
        raise AudioError(f"{name}: the rate is {rate} Hz; at least {LOWEST_RATE_HZ} Hz are accepted")
    mono = np.concatenate(blocks)
    if not np.isfinite(mono).all():
        raise AudioError(f"{name}: the recording holds samples that are not numbers")
    if rate != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate, SAMPLE_RATE_HZ)
    return float_to_pcm16(mono)


def encode_flac(pcm: Pcm16) -> bytes:
    """FLAC of 16 kHz mono `[samples]`; lossless."""
    sink = io.BytesIO()
    soundfile.write(sink, pcm, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return sink.getvalue()


def decode_flac(content: bytes) -> Pcm16:
    """PCM of our own FLAC, bit for bit."""
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    pcm: Pcm16 = samples
    return pcm


def float_to_pcm16(samples: NDArray[np.floating]) -> Pcm16:
    """Round samples of full scale 1 to 16 bits, clipped."""
    pcm: Pcm16 = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return pcm


def pcm16_to_float(pcm: Pcm16) -> NDArray[np.float32]:
    """Samples of full scale 1."""
    return pcm.astype(np.float32) / np.float32(32768)
