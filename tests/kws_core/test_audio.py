import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.audio import decode_bytes, decode_file, decode_flac, encode_flac, float_to_pcm16, pcm16_to_float
from kws_core.errors import AudioError


def encoded(samples: np.ndarray, rate: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    sink = io.BytesIO()
    soundfile.write(sink, samples, rate, format=kind, subtype=subtype)
    return sink.getvalue()


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**15), 2**15, samples).astype(np.int16)


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@given(st.integers(1, 5000), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_flac_is_lossless(samples: int, seed: int) -> None:
    pcm = noise(samples, seed)
    content = encode_flac(pcm)
    np.testing.assert_array_equal(decode_flac(content), pcm)
    np.testing.assert_array_equal(decode_bytes(content, "clip"), pcm)
    assert encode_flac(pcm) == content


def test_every_sample_value_survives_floats() -> None:
    pcm = np.arange(-(2**15), 2**15).astype(np.int16)
    np.testing.assert_array_equal(float_to_pcm16(pcm16_to_float(pcm)), pcm)
    np.testing.assert_array_equal(float_to_pcm16(np.array([-2.0, -1.0, 1.0, 2.0])), [-32768, -32768, 32767, 32767])


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_any_rate_keeps_the_tone_and_its_length(rate: int) -> None:
    pcm = decode_bytes(encoded(tone(rate), rate), "clip")
    assert pcm.dtype == np.int16
    assert abs(len(pcm) - 16000) <= 1
    inner, expected = pcm[1000:15000] / 32768, tone(16000)[1000:15000]
    assert np.abs(inner - expected).max() < 2e-3


def test_channels_are_averaged() -> None:
    left, right = tone(16000), tone(16000, hertz=1000)
    pcm = decode_bytes(encoded(np.stack([left, right], axis=1), 16000, subtype="FLOAT"), "clip")
    np.testing.assert_allclose(pcm / 32768, (left + right) / 2, atol=2e-5)


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None)])
def test_common_formats_are_read(kind: str, subtype: str | None) -> None:
    pcm = decode_bytes(encoded(tone(16000), 16000, kind, subtype), "clip")
    assert len(pcm) >= 16000
    assert np.sqrt(np.mean((pcm[:16000] / 32768) ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_long_recordings_are_read_to_the_end() -> None:
    pcm = noise(2**18 * 2 + 17)
    np.testing.assert_array_equal(decode_bytes(encoded(pcm, 16000), "clip"), pcm)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "clip: the file is empty"),
        (b"this is no audio" * 50, "clip: not a readable recording"),
        (encoded(np.zeros(0), 16000), "clip: the recording holds no samples"),
        (encoded(tone(16000), 16000)[:20], "clip: not a readable recording"),
        (
            encoded(np.full(99, np.nan), 16000, subtype="FLOAT"),
            "clip: the recording holds samples that are not numbers",
        ),
        (encoded(tone(16000), 100), "clip: the rate is 100 Hz; at least 4000 Hz are accepted"),
    ],
)
def test_bad_recordings_are_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        decode_bytes(content, "clip")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none\.wav: cannot be read: No such file"):
        decode_file(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="cannot be read: Is a directory"):
        decode_file(tmp_path)
    with pytest.raises(AudioError, match="cannot be read: embedded null byte"):
        decode_file(tmp_path / "a\0b")


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_no_damaged_header_does_worse_than_an_audio_error(kind: str) -> None:
    content = encoded(noise(4000), 16000, kind)
    refused = []
    for position in range(60):
        for value in (0, 0x7F, 0xFF):
            damaged = content[:position] + bytes([value]) + content[position + 1 :]
            try:
                assert len(decode_bytes(damaged, "clip")) < 10**6
            except AudioError as error:
                refused.append(str(error))
    assert len(refused) > 20
    assert all(message.startswith("clip: ") for message in refused)
