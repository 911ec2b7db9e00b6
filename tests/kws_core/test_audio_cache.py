"""The mapped sound holds, row for row, the windows that features are computed of."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from builders import selection_rows

from kws_core.audio_cache import cached_audio
from kws_core.config import FeaturesConfig
from kws_core.errors import StoreError
from kws_core.feature_cache import read_features
from kws_core.features import Frontend, featurise_part
from kws_core.manifest import Manifest
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS
from kws_core.store import Store

RATE = 16_000


def segment(name, rng):
    """A cut of 0.5 to 1.5 s, its word somewhere inside."""
    samples = int(rng.integers(RATE // 2, 3 * RATE // 2))
    start_s = float(rng.integers(0, 50)) / 10
    word = np.sort(rng.integers(0, samples, 2)) / RATE
    return {
        **dict.fromkeys(("utterance_id", "corpus", "speaker_id", "label", "source", "licence"), "x"),
        "segment_id": name,
        "start_s": start_s,
        "end_s": start_s + samples / RATE,
        "word_start_s": start_s + float(word[0]),
        "word_end_s": start_s + float(word[1]),
        "audio": rng.integers(-32768, 32768, samples).astype("<i2").tobytes(),
        "score": 0.0,
        "rms": 0.1,
    }


@pytest.fixture
def dataset(tmp_path):
    store = Store(str(tmp_path / "store"))
    rng = np.random.default_rng(0)
    tables = [
        pa.Table.from_pylist([segment(f"{part}-{row}", rng) for row in range(rows)], schema=SEGMENTS)
        for part, rows in enumerate((3, 5, 2))
    ]
    quarantine = Quarantine("segments").table()
    parts = [store.write_part("segments", f"key{n}", "a", PartOutput(t, quarantine)) for n, t in enumerate(tables)]
    return store, Manifest("segments", 1, tuple(parts)), tables


def chosen(*places):
    return selection_rows([{"part": part, "row": row, "segment_id": f"{part}-{row}"} for part, row in places])


def window(row):
    """One second about the middle of the word, sample by sample."""
    pcm = np.frombuffer(row["audio"], "<i2")
    centre = round(((row["word_start_s"] + row["word_end_s"]) / 2 - row["start_s"]) * RATE)
    return [int(pcm[place]) if 0 <= place < len(pcm) else 0 for place in range(centre - 8000, centre + 8000)]


def test_rows_come_in_the_order_of_the_selection(dataset, tmp_path):
    store, manifest, tables = dataset
    places = [(2, 1), (1, 4), (0, 2), (1, 0), (0, 2)]
    found = cached_audio(store, manifest, chosen(*places), tmp_path / "cache", "key")
    assert found.dtype == np.int16
    assert found.shape == (5, RATE)
    for row, (part, place) in zip(found, places, strict=True):
        assert row.tolist() == window(tables[part].slice(place, 1).to_pylist()[0])
    assert isinstance(found, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1


def test_its_features_are_the_stored_ones(dataset, tmp_path):
    store, manifest, tables = dataset
    config = FeaturesConfig()
    found = cached_audio(store, manifest, chosen(*((1, row) for row in range(5))), tmp_path / "cache", "key")
    ours = Frontend(config)(torch.from_numpy(found.astype(np.float32) / 32768)).half().numpy()
    np.testing.assert_array_equal(ours, read_features(featurise_part(tables[1], config).table))


def test_the_cache_is_built_once_and_leaves_nothing_else(dataset, tmp_path):
    store, manifest, _ = dataset
    first = cached_audio(store, manifest, chosen((0, 1)), tmp_path / "cache", "key")
    (tmp_path / "store" / "parts" / "segments" / "key0.parquet").unlink()
    again = cached_audio(store, manifest, chosen((0, 1)), tmp_path / "cache", "key")
    np.testing.assert_array_equal(first, again)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["key.npy"]


def test_a_selection_of_other_segments_is_refused_and_leaves_no_cache(dataset, tmp_path):
    store, manifest, _ = dataset
    wrong = selection_rows([{"part": 0, "row": 1, "segment_id": "0-2"}])
    with pytest.raises(StoreError, match="does not belong to the segments: it has 0-2 where they have 0-1"):
        cached_audio(store, manifest, wrong, tmp_path / "cache", "key")
    beyond = selection_rows([{"part": 0, "row": 3, "segment_id": "0-3"}])
    with pytest.raises(StoreError, match="part 0 of the segments has 3 rows, the selection wants row 3"):
        cached_audio(store, manifest, beyond, tmp_path / "cache", "key")
    assert not list((tmp_path / "cache").iterdir())


def test_an_empty_selection_has_no_rows(dataset, tmp_path):
    store, manifest, _ = dataset
    assert cached_audio(store, manifest, selection_rows([]), tmp_path / "cache", "key").shape == (0, RATE)
