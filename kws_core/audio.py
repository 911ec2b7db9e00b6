"""Recordings in and out: any common format to 16 kHz mono PCM, and FLAC."""

import io
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import AudioError

Pcm16 = NDArray[np.int16]

LOWEST_RATE_HZ = 4000
BLOCK_FRAMES = 2**18
CLIPPED_RUN = 3
"""Samples at full scale in a row that count as clipped; fewer may be a peak."""
SPAN_TOLERANCE_S = 0.1
"""Times of spans are rounded: one may end this much after its file does."""
# The largest positive sample of an encoding; 16 bits or finer where none is listed.
_FULL_SCALE = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}
_SIXTEEN_BITS = 32767 / 32768


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What a headerless file does not say."""

    rate_hz: int
    channels: int = 1
    encoding: Literal["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW", "ALAW"] = "PCM_16"
    endian: Literal["LITTLE", "BIG"] = "LITTLE"


@dataclass(frozen=True)
class Decoded:
    """A recording as 16 kHz mono, and what only its source shows."""

    pcm: Pcm16
    duration_s: float
    """Of the recording, though `pcm` may hold only its beginning."""
    clipped_share: float
    """Share of the source's samples that stand at full scale, three or more in a row."""


class AudioFile:
    """A recording of any rate and channels, opened once and read as a whole or in spans; memory is that of a span."""

    def __init__(self, source: Path | bytes, name: str = "", raw: RawFormat | None = None) -> None:
        """Open a file, or a recording held in memory.

        Args:
            source: a path or the content.
            name: what errors call it; the path by default.
            raw: rate, channels and encoding of a headerless file.

        Raises:
            AudioError: it is missing, empty or not audio.
        """
        self._name = name or str(source)
        self._stream = _open(source, self._name)
        try:
            self._file = self._open_sound(raw)
            if self._file.samplerate < LOWEST_RATE_HZ:
                rate = f"the rate is {self._file.samplerate} Hz; at least {LOWEST_RATE_HZ} Hz are accepted"
                raise AudioError(f"{self._name}: {rate}")
        except AudioError:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._stream.close()

    def read(
        self,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: int | None = None,
        longest_s: float | None = None,
    ) -> Decoded:
        """Decode a span to 16 kHz mono `[samples]`.

        Args:
            start_s: where it starts in the file.
            end_s: where it ends; the end of the file when None.
            channel: the channel to take, from 0; the mean of all when None.
            longest_s: stop soon after this much has been read; `duration_s` then is what the file says.

        Raises:
            AudioError: the span or the channel is not in the file, or its samples are damaged.
        """
        rate = self._file.samplerate
        if channel is not None and not 0 <= channel < self._file.channels:
            raise AudioError(f"{self._name}: it has no channel {channel}; it has {self._file.channels}, from 0")
        first = round(start_s * rate)
        wanted = None if end_s is None else round(end_s * rate) - first
        most = None if longest_s is None else int(longest_s * rate) + 1
        mono, clipped, whole = self._read_blocks(first, wanted, most, channel)
        if whole and wanted is not None and len(mono) < wanted - SPAN_TOLERANCE_S * rate:
            last = min(first, self._file.frames) + len(mono)
            raise AudioError(f"{self._name}: it ends at {last / rate:.2f} s, the span at {end_s:.2f} s")
        if not len(mono):
            raise AudioError(f"{self._name}: the recording holds no samples")
        if not np.isfinite(mono).all():
            raise AudioError(f"{self._name}: the recording holds samples that are not numbers")
        share = clipped / len(mono)
        said = max((self._file.frames - first if wanted is None else wanted), len(mono))
        if rate != SAMPLE_RATE_HZ:
            mono = soxr.resample(mono, rate, SAMPLE_RATE_HZ)
        return Decoded(float_to_pcm16(mono), len(mono) / SAMPLE_RATE_HZ if whole else said / rate, share)

    def _read_blocks(
        self, first: int, wanted: int | None, most: int | None, channel: int | None
    ) -> tuple[NDArray[np.float32], float, bool]:
        """Mono samples, how many were clipped (mean of the channels), and whether the span was read to its end.

        Block by block: a damaged header may promise more samples than fit in memory.
        """
        blocks: list[NDArray[np.float32]] = []
        clipped, length = 0.0, 0
        full = _FULL_SCALE.get(self._file.subtype, _SIXTEEN_BITS)
        try:
            self._go_to(min(first, self._file.frames))
            while wanted is None or length < wanted:
                count = BLOCK_FRAMES if wanted is None else min(BLOCK_FRAMES, wanted - length)
                block = self._file.read(count, dtype="float32", always_2d=True)
                if not len(block):
                    break
                heard = block if channel is None else block[:, channel : channel + 1]
                clipped += clipped_samples(heard, full)
                blocks.append(heard.mean(axis=1))
                length += len(block)
                if most is not None and length > most:
                    return np.concatenate(blocks), clipped, False
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise self._unreadable() from error
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32), clipped, True

    def _go_to(self, frame: int) -> None:
        if self._file.format != "MP3":
            self._file.seek(frame)
            return
        # MP3 is decoded from its beginning: after a jump, even to 0, samples would differ from those of a plain read
        if self._file.tell() > frame:
            self._file.close()
            self._stream.seek(0)
            self._file = self._open_sound(None)
        while (missing := frame - self._file.tell()) > 0 and len(self._file.read(min(missing, BLOCK_FRAMES))):
            pass

    def _open_sound(self, raw: RawFormat | None) -> soundfile.SoundFile:
        try:
            if raw is None:
                return soundfile.SoundFile(self._stream)
            return soundfile.SoundFile(
                self._stream,
                samplerate=raw.rate_hz,
                channels=raw.channels,
                format="RAW",
                subtype=raw.encoding,
                endian=raw.endian,
            )
        except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:  # TypeError: named .raw, and no format
            raise self._unreadable() from error

    def _unreadable(self) -> AudioError:
        return AudioError(f"{self._name}: not a readable recording (WAV, FLAC, OGG, MP3 are accepted)")


def decode_file(path: Path) -> Pcm16:
    """Decode a recording of any rate and channels to 16 kHz mono `[samples]`.

    Raises:
        AudioError: the file is missing, empty or not audio.
    """
    with AudioFile(path) as file:
        return file.read().pcm


def decode_bytes(content: bytes, name: str) -> Pcm16:
    """Decode a recording held in memory; `name` is what an error calls it."""
    with AudioFile(content, name) as file:
        return file.read().pcm


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


def clipped_samples(samples: NDArray[np.float32], full_scale: float = _SIXTEEN_BITS) -> float:
    """Count the samples `[frames, channels]` at full scale in runs of three or more, as the mean of the channels."""
    at_full = np.abs(samples) >= full_scale
    if len(samples) < CLIPPED_RUN or not at_full.any():
        return 0.0
    runs = at_full[:-2] & at_full[1:-1] & at_full[2:]
    inside = np.zeros_like(at_full)
    for shift in range(CLIPPED_RUN):
        inside[shift : len(runs) + shift] |= runs
    return float(inside.sum() / samples.shape[1])


def _open(source: Path | bytes, name: str) -> BinaryIO:
    try:
        stream: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        if not stream.read(1):
            stream.close()
            raise AudioError(f"{name}: the file is empty")
        stream.seek(0)
    except OSError as error:
        raise AudioError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a path with a zero byte
        raise AudioError(f"{name}: cannot be read: {error}") from error
    return stream
