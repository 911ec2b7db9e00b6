"""Training rows are rewritten into parts by label, each row once, and only what is new is written again."""

import numpy as np
import pyarrow as pa
import pytest
from builders import SMALL_FEATURES, selection_rows

from kws_core.audio_cache import cached_audio
from kws_core.config import FeaturesConfig, StreamConfig
from kws_core.errors import StoreError
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, SEGMENTS, features_schema
from kws_core.store import Store
from kws_core.streaming import STAGE, bucketed_selection, make_shard, open_stream, plan_buckets
from kws_core.streaming.buckets import label_group

LABELS = ("go", "stop", "left", "right", "up")
PARTS, ROWS = 4, 30
CONFIG = StreamConfig(label_groups=2, shard_mib=0.02)


@pytest.fixture
def made(tmp_path):
    """A store with parts of features of two corpora, their values, and a selection of four fifths of their rows."""
    store, rng = Store(str(tmp_path / "store")), np.random.default_rng(0)
    shape = (SMALL_FEATURES.frames, SMALL_FEATURES.coefficients)
    values = rng.normal(size=(PARTS, ROWS, *shape)).astype(np.float16)
    parts, rows = [], []
    for number, array in enumerate(values):
        ids = [f"{number}-{row}" for row in range(ROWS)]
        table = pa.table([ids, pa.FixedShapeTensorArray.from_numpy_ndarray(array)], schema=features_schema(*shape))
        output = PartOutput(table, QUARANTINE.empty_table())
        parts.append(store.write_part("features", f"f{number}", "ab"[number == 3], output))
        for row in range(ROWS):
            label = int(rng.integers(len(LABELS)))
            if rng.random() < 0.8:
                split = {0: "development", 1: "test"}.get(row, "train")
                rows.append(
                    {"segment_id": ids[row], "part": number, "row": row, "label": LABELS[label], "label_id": label}
                    | {"split": split}
                )
    return store, Manifest("features", 1, tuple(parts)), values, selection_rows(rows)


def write(store, buckets):
    parts = []
    for shard in sorted({bucket.shard for bucket in buckets}):
        chosen = [bucket for bucket in buckets if bucket.shard == shard]
        for bucket, output in zip(chosen, make_shard(store, chosen), strict=True):
            assert output.quarantine.num_rows == 0
            parts.append(store.write_part(STAGE, bucket.key, bucket.corpus, output))
    return Manifest(STAGE, 1, tuple(parts))


def test_every_training_row_is_in_one_bucket_of_its_shard_and_label_group(made):
    store, features, values, selection = made
    rows = bucketed_selection(selection)
    assert set(rows["split"].to_pylist()) == {"train"}
    buckets = plan_buckets(rows, features, "features", CONFIG)
    manifest = write(store, buckets)
    assert {bucket.corpus for bucket in buckets} == {"a", "b"}
    assert len({bucket.shard for bucket in buckets}) > 2
    assert sorted(np.concatenate([bucket.rows for bucket in buckets]).tolist()) == list(range(rows.num_rows))
    for bucket, part in zip(buckets, manifest.parts, strict=True):
        table = store.read_part(STAGE, part).to_pylist()
        assert {label_group(row["label"], 2) for row in table} == {bucket.group}
        expected = rows.take(bucket.rows).to_pylist()
        assert [row["segment_id"] for row in table] == [row["segment_id"] for row in expected]
        assert [row["label"] for row in table] == [row["label"] for row in expected]
        # hashed: neither the order of the source nor that of the labels
        assert len(bucket.rows) < 5 or bucket.rows.tolist() != sorted(bucket.rows.tolist())
    stream = open_stream(store, manifest, buckets, 7, SMALL_FEATURES, 1000)
    assert stream.row_bytes == 2 * SMALL_FEATURES.frames * SMALL_FEATURES.coefficients
    for number, block in enumerate(stream.blocks):
        out = np.empty((len(block.rows), *stream.row_shape), stream.dtype)
        stream.fill(number, out)
        places = [(rows["part"][row].as_py(), rows["row"][row].as_py()) for row in (block.rows - 7).tolist()]
        np.testing.assert_array_equal(out, np.stack([values[place] for place in places]))


def test_new_parts_and_labels_leave_the_old_buckets_alone(made):
    _, features, _, selection = made
    rows = bucketed_selection(selection)
    of_corpus_a = rows.filter(pa.compute.less(rows["part"], 3))
    before = {
        bucket.key
        for bucket in plan_buckets(of_corpus_a, Manifest("features", 1, features.parts[:3]), "features", CONFIG)
    }
    after = {bucket.key for bucket in plan_buckets(rows, features, "features", CONFIG)}
    assert before < after
    moved = rows.set_column(rows.schema.get_field_index("label_id"), "label_id", pa.array([9] * len(rows), pa.int32()))
    assert {bucket.key for bucket in plan_buckets(moved, features, "features", CONFIG)} == after


def test_nothing_to_train_on_makes_no_bucket(made):
    _, features, _, selection = made
    assert plan_buckets(selection.slice(0, 0), features, "features", CONFIG) == []


def test_a_selection_of_other_segments_is_refused(made):
    store, features, _, selection = made
    wrong = bucketed_selection(selection).to_pylist()
    wrong[3]["row"] = wrong[4]["row"]
    buckets = plan_buckets(pa.Table.from_pylist(wrong, schema=selection.schema), features, "features", CONFIG)
    with pytest.raises(StoreError, match="the selection does not belong to the features: part f0"):
        write(store, buckets)


def test_a_stream_of_another_dataset_is_refused(made):
    store, features, _, selection = made
    buckets = plan_buckets(bucketed_selection(selection), features, "features", CONFIG)
    manifest = write(store, buckets)
    with pytest.raises(StoreError, match="does not belong to the selection and the configuration"):
        open_stream(store, manifest, buckets[1:], 0, SMALL_FEATURES, 1000)


def test_buckets_of_sound_hold_the_windows_of_the_cache(tmp_path):
    store, rng = Store(str(tmp_path / "store")), np.random.default_rng(0)
    texts = {name: "" for name in SEGMENTS.names if SEGMENTS.field(name).type == pa.string()}
    numbers = {name: 0.0 for name in SEGMENTS.names if SEGMENTS.field(name).type == pa.float64()}
    segments = [
        {**texts, **numbers, "segment_id": f"s{row}", "start_s": 0.0, "end_s": 0.8}
        | {"word_start_s": 0.3, "word_end_s": 0.5, "audio": rng.integers(-999, 999, 12_800).astype("<i2").tobytes()}
        for row in range(6)
    ]
    output = PartOutput(pa.Table.from_pylist(segments, schema=SEGMENTS), QUARANTINE.empty_table())
    source = Manifest("segments", 1, (store.write_part("segments", "k", "a", output),))
    rows = selection_rows([{"segment_id": f"s{row}", "label": LABELS[row % 2]} for row in range(6)])
    buckets = plan_buckets(rows, source, "audio", CONFIG)
    stream = open_stream(store, write(store, buckets), buckets, 0, FeaturesConfig(), 1000)
    expected = cached_audio(store, source, rows, tmp_path / "cache", "key")
    assert stream.dtype is np.int16
    for number, block in enumerate(stream.blocks):
        out = np.empty((len(block.rows), *stream.row_shape), stream.dtype)
        stream.fill(number, out)
        np.testing.assert_array_equal(out, expected[block.rows])
