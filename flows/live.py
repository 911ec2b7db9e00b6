"""Live sound: samples as they come, from standard input or the microphone."""

import queue
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.detection_lines import DetectionLines
from kws_core.audio import pcm16_to_float
from kws_core.config.base import SAMPLE_RATE_HZ
from kws_core.detector import HOP_S
from kws_core.errors import AudioError, ConfigError
from kws_core.stream_spotter import StreamSpotter

Pcm16 = NDArray[np.int16]
READ_BYTES = 1 << 16
CONTAINERS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3"}
"""How files begin that are no bare samples."""


def listen(stream: StreamSpotter, samples: Iterator[Pcm16], lines: DetectionLines, source: str = "-") -> None:
    """Print detections as they become final, until the samples end or the user interrupts."""
    try:
        for pcm in samples:
            lines.print(source, stream.push(pcm16_to_float(pcm)))
    except KeyboardInterrupt:
        pass
    lines.print(source, stream.finish())


def standard_input() -> Iterator[Pcm16]:
    """Raw 16 kHz mono samples, signed 16 bits, little-endian, from standard input, as soon as they are there.

    Raises:
        ConfigError: standard input is a terminal.
        AudioError: it begins like a sound file, or ends within a sample.
    """
    if sys.stdin.isatty():
        raise ConfigError("standard input is a terminal; pipe raw 16 kHz mono samples of signed 16 bits into it")
    kept, is_first = b"", True
    while read := sys.stdin.buffer.read1(READ_BYTES):  # type: ignore[union-attr]
        content = kept + read
        if is_first and len(content) < 4:
            kept = content
            continue
        if is_first:
            _check_bare(content)
            is_first = False
        whole = len(content) // 2 * 2
        kept = content[whole:]
        yield np.frombuffer(content[:whole], "<i2").astype(np.int16, copy=False)
    if is_first and len(kept) >= 2:
        yield np.frombuffer(kept[:2], "<i2").astype(np.int16, copy=False)
    if len(kept) % 2:
        raise AudioError("standard input ends within a sample: it is not raw sound of 16 bits")


def microphone(device: str = "", seconds: float | None = None) -> Iterator[Pcm16]:
    """Samples of the microphone, 16 kHz mono, a hop at a time.

    Args:
        device: a number or a part of a name as sounddevice knows it; the default one when empty.
        seconds: how long to listen; for ever when None.

    Raises:
        ConfigError: sounddevice is not installed or finds no library, or there is no such microphone.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        why = "is not installed: pip install sounddevice" if isinstance(error, ImportError) else f"cannot work: {error}"
        raise ConfigError(f"the microphone is heard with the package sounddevice, which {why}") from error
    heard: queue.SimpleQueue[Pcm16] = queue.SimpleQueue()

    def hear(block: Any, frames: int, time: Any, status: Any) -> None:
        heard.put(np.array(block[:, 0], np.int16))

    hop = round(HOP_S * SAMPLE_RATE_HZ)
    chosen = int(device) if device.isdecimal() else device or None
    try:
        source = sounddevice.InputStream(SAMPLE_RATE_HZ, hop, chosen, 1, "int16", callback=hear)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise ConfigError(f"no microphone {device or '(the default one)'} can be opened: {error}") from error
    left = None if seconds is None else round(seconds * SAMPLE_RATE_HZ)
    with source:
        while left is None or left > 0:
            pcm = heard.get()
            yield pcm if left is None else pcm[:left]
            left = None if left is None else left - len(pcm)


def _check_bare(content: bytes) -> None:
    for beginning, name in CONTAINERS.items():
        if content.startswith(beginning):
            raise AudioError(
                f"standard input begins like a {name} file; raw 16 kHz mono samples of signed 16 bits are read there"
            )
