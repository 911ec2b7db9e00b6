"""Segments to features."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from kws_core.config import FeaturesConfig
from kws_core.errors import ConfigError, SchemaError
from kws_core.features import Frontend, featurise_part, part, window_waveform
from kws_core.schemas import SEGMENTS, features_schema


def segments(rows):
    """Rows of (id, PCM, start_s, word_start_s, word_end_s)."""
    fill = {"utterance_id": "u", "corpus": "c", "speaker_id": "s", "label": "yes", "end_s": 0.0, "score": 0.0}
    fill |= {"rms": 0.1, "source": "", "licence": ""}
    names = ("segment_id", "audio", "start_s", "word_start_s", "word_end_s")
    return pa.Table.from_pylist([fill | dict(zip(names, row, strict=True)) for row in rows], schema=SEGMENTS)


def speech(samples, seed=0):
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype("<i2")


def naive_window(pcm, centre, samples):
    window = np.zeros(samples, np.float32)
    for index in range(samples):
        source = centre - samples // 2 + index
        if 0 <= source < len(pcm):
            window[index] = pcm[source] / (32768 if pcm.dtype == np.int16 else 1)
    return window


@pytest.mark.parametrize("length", [0, 1, 30, 101])
@pytest.mark.parametrize("centre", [-60, 0, 7, 50, 100, 300])
@pytest.mark.parametrize("samples", [40, 41])
def test_window_is_placed_on_its_centre(length, centre, samples):
    for pcm in (speech(length), (speech(length) / 32768).astype(np.float32)):
        window = window_waveform(pcm, centre, samples)
        assert window.dtype == np.float32
        np.testing.assert_array_equal(window, naive_window(pcm, centre, samples))


def test_window_refuses_other_sample_types():
    with pytest.raises(TypeError, match="float64"):
        window_waveform(np.zeros(10), 5, 4)


def test_rows_keep_their_order_and_words_their_place(monkeypatch):
    monkeypatch.setattr(part, "BATCH", 3)
    rows = [(f"s{i}", speech(4000 + 3000 * i, i).tobytes(), 2.0 + i, 2.1 + i, 2.3 + i + 0.05 * i) for i in range(7)]
    config = FeaturesConfig()
    output = featurise_part(segments(rows), config)
    assert output.quarantine.num_rows == 0
    assert output.table.schema.equals(features_schema(99, 40))
    assert output.table["segment_id"].to_pylist() == [row[0] for row in rows]
    found = output.table["features"].combine_chunks().to_numpy_ndarray()
    assert found.shape == (7, 99, 40)
    assert found.dtype == np.float16
    for row, features in zip(rows, found, strict=True):
        centre = round(((row[3] + row[4]) / 2 - row[2]) * 16000)
        window = naive_window(np.frombuffer(row[1], "<i2"), centre, 16000)
        expected = Frontend(config)(torch.from_numpy(window)[None])[0].numpy()
        np.testing.assert_allclose(features, expected, atol=2e-3, rtol=1e-3)


def test_what_cannot_be_used_is_quarantined_and_the_rest_kept(monkeypatch):
    good = speech(8000).tobytes()
    table = segments(
        [
            ("nan", good, 0.0, float("nan"), 0.3),
            ("good", good, 0.0, 0.1, 0.3),
            ("odd", good[:-1], 0.0, 0.1, 0.3),
            ("empty", b"", 0.0, 0.1, 0.3),
            ("bad", speech(8000, 1).tobytes(), 0.0, 0.1, 0.3),
        ]
    )
    forward = Frontend.forward

    def poisoned(self, waveform):
        features = forward(self, waveform)
        features[1, 50, 7] = torch.inf
        return features

    monkeypatch.setattr(Frontend, "forward", poisoned)
    output = featurise_part(table, FeaturesConfig())
    assert output.table["segment_id"].to_pylist() == ["good"]
    assert len(output.table["features"]) == 1
    reasons = dict(zip(output.quarantine["source"].to_pylist(), output.quarantine["reason"].to_pylist(), strict=True))
    assert set(reasons) == {"nan", "odd", "empty", "bad"}
    assert "finite" in reasons["nan"]
    assert "15999 bytes" in reasons["odd"]
    assert "not finite" in reasons["bad"]
    assert set(output.quarantine["stage"].to_pylist()) == {"features"}


def test_no_segments_make_an_empty_table():
    output = featurise_part(segments([]), FeaturesConfig())
    assert output.table.num_rows == 0
    assert output.table.schema.equals(features_schema(99, 40))


def test_wrong_frames_and_wrong_tables_are_refused():
    with pytest.raises(ConfigError, match="98 frames"):
        featurise_part(segments([]), FeaturesConfig(window_s=0.025))
    with pytest.raises(SchemaError, match="segment_id"):
        featurise_part(pa.table({"a": [1]}), FeaturesConfig())
