import numpy as np
import pytest
import soundfile

from kws_core.audio import AudioFile, RawFormat, clipped_samples
from kws_core.audio_measures import peak, silent_share
from kws_core.errors import AudioError

TONE = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)


def test_clipping_counts_runs_at_full_scale_only() -> None:
    samples = np.zeros((20, 2), np.float32)
    samples[2:4, 0] = 1  # two in a row are a peak
    assert clipped_samples(samples) == 0
    samples[10:15, 0] = -1
    samples[10:13, 1] = 1
    assert clipped_samples(samples) == 4
    samples[17:, 1] = 1
    assert clipped_samples(samples) == 5.5
    assert clipped_samples(np.ones((2, 1), np.float32)) == 0


@pytest.mark.parametrize(
    ("subtype", "kind"),
    [(name, "WAV") for name in ("PCM_U8", "PCM_16", "PCM_32", "FLOAT", "ULAW", "ALAW")] + [("PCM_24", "FLAC")],
)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_clipping_is_seen_in_the_source_of_any_encoding(tmp_path, subtype, kind, rate) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    path = tmp_path / f"a.{kind.lower()}"
    for gain, low, high in ((0.9, 0.0, 0.0), (4.0, 0.6, 0.95)):
        soundfile.write(path, np.clip(gain * tone, -1, 1), rate, subtype=subtype, format=kind)
        with AudioFile(path) as file:
            assert low <= file.read().clipped_share <= high


def test_silence_is_absolute_or_far_below_the_loudest_frame() -> None:
    loud = (TONE * 20000).astype(np.int16)
    quiet = (TONE * 20).astype(np.int16)
    assert silent_share(loud) == 0
    assert silent_share(quiet) == 1
    assert silent_share(np.concatenate([loud, np.zeros(16000, np.int16)])) == 0.5
    assert silent_share(np.concatenate([loud, loud // 200])) == 0.5
    assert silent_share(np.concatenate([loud // 4, loud // 40])) == 0
    assert silent_share(loud[:10]) == 0
    assert peak(np.array([0, -32768, 5], np.int16)) == 1
    assert peak(np.zeros(0, np.int16)) == 0


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("NIST", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("rate", [16000, 24000])
def test_a_span_is_the_same_samples_as_of_the_whole_file(tmp_path, kind, subtype, rate) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, rate * 3)
    path = tmp_path / "a"
    soundfile.write(path, noise, rate, format=kind, subtype=subtype)
    with AudioFile(path) as file:
        whole = file.read()
        later, early = file.read(1.5, 2.25), file.read(0.5, 1.0)
        assert file.read().pcm.tolist() == whole.pcm.tolist()
    assert len(later.pcm) == 12000
    assert len(early.pcm) == 8000
    for span, start in ((later, 24000), (early, 8000)):
        inner = slice(start + 500, start + len(span.pcm) - 500)
        difference = span.pcm[500:-500].astype(int) - whole.pcm[inner]
        # Opus and MP3 remember what came before
        assert np.abs(difference).max() <= (40 if rate == 16000 and kind != "OGG" else 400)


def test_spans_that_are_not_in_the_file_are_refused_and_rounding_is_not(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, TONE * 0], axis=1), 16000)
    with AudioFile(tmp_path / "a.wav") as file:
        assert len(file.read(0.5, 1.04).pcm) == 8000
        assert not file.read(channel=1).pcm.any()
        assert np.abs(file.read(channel=0).pcm).max() > 32000
        with pytest.raises(AudioError, match=r"a\.wav: it ends at 1\.00 s, the span at 2\.00 s"):
            file.read(0.5, 2.0)
        with pytest.raises(AudioError, match=r"a\.wav: it ends at 1\.00 s, the span at 7\.00 s"):
            file.read(5.0, 7.0)
        with pytest.raises(AudioError, match="the recording holds no samples"):
            file.read(5.0)
        with pytest.raises(AudioError, match="it has no channel 2; it has 2, from 0"):
            file.read(channel=2)


def test_long_recordings_are_not_read_to_their_end(tmp_path) -> None:
    soundfile.write(tmp_path / "a.flac", np.tile(TONE, 60), 16000)
    with AudioFile(tmp_path / "a.flac") as file:
        decoded = file.read(longest_s=2)
    assert decoded.duration_s == 60
    assert len(decoded.pcm) < 16000 * 20


def test_headerless_files_need_what_they_do_not_say(tmp_path) -> None:
    samples = (TONE * 9999).astype(np.int16)
    (tmp_path / "a.raw").write_bytes(samples.astype(">i2").tobytes())
    with AudioFile(tmp_path / "a.raw", raw=RawFormat(16000, endian="BIG")) as file:
        np.testing.assert_array_equal(file.read().pcm, samples)
        assert len(file.read(0.25, 0.5).pcm) == 4000
    with pytest.raises(AudioError, match="not a readable recording"):
        AudioFile(tmp_path / "a.raw")
