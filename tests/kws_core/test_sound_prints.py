"""Prints of segments: what changes them, what does not, and the estimate of the SNR."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from kws_core.schemas import SEGMENTS
from kws_core.sound_prints import (
    BANDS,
    FRAMES,
    PRINTS,
    correlations,
    estimate_snr_db,
    print_part,
    read_prints,
    sound_prints,
)


def noise(count=4, seed=0):
    rng = np.random.default_rng(seed)
    swell = np.exp(-0.5 * ((np.linspace(0, 1, 16_000) - np.linspace(0.2, 0.8, count)[:, None]) / 0.1) ** 2)
    return (0.1 * rng.normal(size=(count, 16_000)) * swell).astype(np.float32)


def test_level_and_small_shifts_keep_a_print_and_other_sounds_do_not():
    windows = noise()
    prints = sound_prints(windows)
    assert prints.shape == (4, FRAMES, BANDS)
    assert correlations(prints, sound_prints(0.1 * windows)) == pytest.approx(np.ones(4), abs=1e-3)
    assert correlations(prints, sound_prints(np.roll(windows, 640, axis=1))).min() > 0.97  # two frames
    assert correlations(prints, np.roll(prints, 1, axis=0)).max() < 0.9


@pytest.mark.parametrize("snr_db", [5, 15, 25])
def test_a_known_snr_is_estimated(snr_db):
    rng = np.random.default_rng(0)
    background = rng.normal(size=16_000)
    speech = np.where(np.arange(16_000) < 8_000, rng.normal(size=16_000) * 10 ** (snr_db / 20), 0)
    pcm = (300 * (background + speech)).astype(np.int16)
    assert estimate_snr_db(pcm) == pytest.approx(snr_db, abs=2)


def test_silence_and_the_very_short_have_no_snr():
    assert np.isnan(estimate_snr_db(np.zeros(16_000, np.int16)))
    assert np.isnan(estimate_snr_db(np.ones(1_000, np.int16)))


def test_a_part_keeps_its_rows_in_order():
    rows = []
    for number, window in enumerate(noise(5)):
        pcm = (window * 32767).astype("<i2").tobytes()
        times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.3, "word_end_s": 0.7}
        rows.append({"segment_id": f"segment-{number}", "audio": pcm, **times})
    output = print_part(pa.Table.from_pylist(rows, schema=SEGMENTS))
    assert output.table.schema.equals(PRINTS)
    assert output.table["segment_id"].to_pylist() == [row["segment_id"] for row in rows]
    assert output.table["audio_hash"].to_pylist() == [hashlib.sha256(row["audio"]).hexdigest()[:32] for row in rows]
    assert read_prints(output.table).shape == (5, FRAMES, BANDS)
    empty = print_part(SEGMENTS.empty_table()).table
    assert (empty.num_rows, read_prints(empty).shape) == (0, (0, FRAMES, BANDS))
