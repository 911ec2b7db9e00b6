"""The mapped array holds, row for row, what the parts hold."""

import numpy as np
import pyarrow as pa
import pytest
from builders import selection_rows

from kws_core.errors import StoreError
from kws_core.feature_cache import cached_features, read_features
from kws_core.manifest import Manifest
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import features_schema
from kws_core.store import Store

FRAMES, COEFFICIENTS = 3, 2


def part_table(values):
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(values))
    ids = pa.array([str(number) for number in range(len(values))])
    return pa.table([ids, tensor], schema=features_schema(FRAMES, COEFFICIENTS))


@pytest.fixture
def dataset(tmp_path):
    """A store with three parts of features; one is longer than a row group."""
    store = Store(str(tmp_path / "store"))
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(rows, FRAMES, COEFFICIENTS)).astype(np.float16) for rows in (4, 1500, 3)]
    parts = [
        store.write_part("features", f"key{number}", "a", PartOutput(part_table(array), Quarantine("features").table()))
        for number, array in enumerate(arrays)
    ]
    return store, Manifest("features", 1, tuple(parts)), arrays


def test_rows_come_in_the_order_of_the_selection(dataset, tmp_path):
    store, manifest, arrays = dataset
    places = [(2, 1), (1, 1400), (0, 3), (1, 0), (0, 3), (2, 0)]
    selection = selection_rows([{"part": part, "row": row, "segment_id": str(row)} for part, row in places])
    found = cached_features(store, manifest, selection, tmp_path / "cache", "key")
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, np.stack([arrays[part][row] for part, row in places]))
    assert isinstance(found, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0, 0] = 1


def test_the_cache_is_built_once_and_leaves_nothing_else(dataset, tmp_path):
    store, manifest, _ = dataset
    selection = selection_rows([{"part": 0, "row": 1, "segment_id": "1"}])
    first = cached_features(store, manifest, selection, tmp_path / "cache", "key")
    for part in manifest.parts:
        (tmp_path / "store" / "parts" / "features" / f"{part.key}.parquet").unlink()
    again = cached_features(store, manifest, selection, tmp_path / "cache", "key")
    np.testing.assert_array_equal(first, again)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["key.npy"]


def test_a_build_that_fails_leaves_no_cache(dataset, tmp_path):
    store, manifest, arrays = dataset
    (tmp_path / "store" / "parts" / "features" / "key1.parquet").unlink()
    selection = selection_rows([{"part": part, "row": 1, "segment_id": "1"} for part in (0, 1)])
    with pytest.raises(StoreError, match="key1"):
        cached_features(store, manifest, selection, tmp_path / "cache", "key")
    assert not list((tmp_path / "cache").iterdir())
    only_first = selection.slice(0, 1)
    found = cached_features(store, manifest, only_first, tmp_path / "cache", "key")
    np.testing.assert_array_equal(found[0], arrays[0][1])


def test_an_empty_selection_has_no_rows(dataset, tmp_path):
    store, manifest, _ = dataset
    assert len(cached_features(store, manifest, selection_rows([]), tmp_path / "cache", "key")) == 0


def test_the_column_of_several_chunks():
    values = np.arange(5 * FRAMES * COEFFICIENTS, dtype=np.float16).reshape(5, FRAMES, COEFFICIENTS)
    table = pa.concat_tables([part_table(values[:2]), part_table(values[2:])])
    assert table["features"].num_chunks == 2
    np.testing.assert_array_equal(read_features(table), values)


def test_a_segment_without_features_is_named(dataset, tmp_path):
    store, manifest, _ = dataset
    selection = selection_rows([{"part": 2, "row": 1, "segment_id": "rejected"}])
    with pytest.raises(StoreError, match="part 2 of the features has no segment rejected"):
        cached_features(store, manifest, selection, tmp_path / "cache", "key")
    assert not list((tmp_path / "cache").iterdir())
