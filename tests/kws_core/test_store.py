import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kws_core.errors import StoreError
from kws_core.manifest import Manifest, Part, manifest_fingerprint
from kws_core.parquet import parquet_bytes
from kws_core.part import PartOutput, PartStream, Quarantine
from kws_core.schemas import QUARANTINE, WORDS, features_schema
from kws_core.store import Store


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return Store(str(tmp_path / "store"))
    return Store(str(request.getfixturevalue("s3_url")) + "/store")


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def words(count: int = 5) -> pa.Table:
    rows = [
        {
            "utterance_id": f"u{i // 2}",
            "index": i % 2,
            "word": f"wörd{i}",
            "start_s": i / 10,
            "end_s": i / 10 + 0.3,
            "score": -float(i),
            "aligner": "pocketsphinx",
        }
        for i in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=WORDS)


def rejected(count: int) -> pa.Table:
    quarantine = Quarantine("words")
    for i in range(count):
        quarantine.add(f"source {i}", f"reason {i}")
    return quarantine.table()


def output(rows: int = 5, quarantined: int = 0) -> PartOutput:
    return PartOutput(words(rows), rejected(quarantined))


def test_a_dataset_comes_back_as_written(store: Store) -> None:
    store.check_writable()
    assert not store.has_part("words", "k1")
    parts = (
        store.write_part("words", "k1", "demo", output(5, 2)),
        store.write_part("words", "k2", "other", output(0, 1)),
        store.write_part("words", "k3", "other", output(3)),
    )
    assert [store.has_part("words", key) for key in ("k1", "k2", "k3", "k4")] == [True, True, True, False]
    assert tuple(store.part("words", part.key) for part in parts) == parts
    assert [(part.corpus, part.rows, part.rejected) for part in parts] == [
        ("demo", 5, 2),
        ("other", 0, 1),
        ("other", 3, 0),
    ]
    content = store.files.read("parts/words/k1.parquet")
    assert (parts[0].size_bytes, parts[0].sha256) == (len(content), hashlib.sha256(content).hexdigest())
    manifest = Manifest("words", 3, parts)
    assert (manifest.rows, manifest.rejected) == (8, 3)
    assert store.read_manifest("words", manifest.fingerprint) is None
    with pytest.raises(StoreError, match=f"the dataset words {manifest.fingerprint[:12]} is missing"):
        store.dataset("words", manifest.fingerprint)
    store.write_manifest(manifest)
    assert store.dataset("words", manifest.fingerprint) == manifest
    assert manifest.fingerprint == manifest_fingerprint("words", 3, ["k1", "k2", "k3"])
    assert store.read_table(manifest).equals(pa.concat_tables([words(5), words(0), words(3)]))
    assert store.read_table(manifest, ["word", "index"]).column_names == ["word", "index"]
    assert store.read_quarantine(manifest).equals(pa.concat_tables([rejected(2), rejected(1)]))
    assert store.read_quarantine(Manifest("words", 3, parts[2:])).equals(QUARANTINE.empty_table())


def test_documents_and_objects_come_back_as_written(store: Store) -> None:
    assert store.read_document("search", "k") is None
    document = {"b": [1, 2.5, None], "a": "süß"}
    store.write_document("search", "k", document)
    assert store.read_document("search", "k") == document
    assert not store.has_object("weights", "k", "w.bin")
    store.write_object("weights", "k", "w.bin", b"\0\1")
    assert store.has_object("weights", "k", "w.bin")
    assert store.read_object("weights", "k", "w.bin") == b"\0\1"
    with pytest.raises(StoreError, match=r"objects/weights/k/none is missing"):
        store.read_object("weights", "k", "none")


def test_writing_again_gives_the_same_bytes(store: Store) -> None:
    def write() -> dict[str, bytes]:
        part = store.write_part("words", "k", "demo", output(4, 1))
        store.write_manifest(Manifest("words", 1, (part,)))
        store.write_document("d", "k", {"x": 1})
        return {name: store.files.read(name) for name in store.files.names("")}

    first = write()
    assert len(first) == 5
    assert write() == first


rows_of_words = st.lists(
    st.fixed_dictionaries(
        {
            "utterance_id": st.text(max_size=4),
            "index": st.integers(-(2**31), 2**31 - 1),
            "word": st.text(max_size=6) | st.none(),
            "start_s": st.floats(allow_nan=False),
            "end_s": st.floats(allow_nan=False),
            "score": st.floats(allow_nan=False),
            "aligner": st.sampled_from(["a", "b"]),
        }
    ),
    max_size=20,
)


@given(rows_of_words, st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_comes_back(local: Store, rows: list[dict[str, Any]], reasons: list[tuple[str, str]]) -> None:
    table = pa.Table.from_pylist(rows, schema=WORDS)
    quarantine = Quarantine("words")
    for source, reason in reasons:
        quarantine.add(source, reason)
    part = local.write_part("words", "k", "c", PartOutput(table, quarantine.table()))
    assert local.read_part("words", part).equals(table)
    assert local.read_part("words", part, ["score"]).equals(table.select(["score"]))
    assert local.read_quarantine(Manifest("words", 1, (part,))).to_pylist() == [
        {"stage": "words", "source": source, "reason": reason} for source, reason in reasons
    ]
    # slices and chunks of the same rows are the same bytes
    assert parquet_bytes(table) == parquet_bytes(pa.concat_tables([table.slice(0, 3), table.slice(3)]))


def test_parts_open_in_any_parquet_reader_and_only_text_is_compressed() -> None:
    schema = pa.schema([("audio", pa.binary()), ("label", pa.string()), *features_schema(2, 3)])
    tensors = pa.FixedShapeTensorArray.from_storage(
        features_schema(2, 3).field("features").type, pa.array([[0.5] * 6] * 3, pa.list_(pa.float16(), 6))
    )
    table = pa.table([pa.array([b"abc"] * 3), pa.array(["a", "b", "a"]), pa.array(["s"] * 3), tensors], schema=schema)
    file = pq.ParquetFile(io.BytesIO(parquet_bytes(table)))
    assert file.read().equals(table)
    group = file.metadata.row_group(0)
    codecs = {group.column(i).path_in_schema.split(".")[0]: group.column(i).compression for i in range(4)}
    assert codecs == {"audio": "UNCOMPRESSED", "label": "ZSTD", "segment_id": "ZSTD", "features": "UNCOMPRESSED"}


def test_rows_are_read_in_small_groups() -> None:
    file = pq.ParquetFile(io.BytesIO(parquet_bytes(words(2500))))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [1024, 1024, 452]


def test_no_flipped_byte_passes_a_whole_read(local: Store, tmp_path: Path) -> None:
    part = local.write_part("words", "abc", "demo", output())
    path = tmp_path / "parts/words/abc.parquet"
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        with pytest.raises(StoreError, match=r"parts/words/abc\.parquet is damaged: .*SHA-256.*then run again"):
            local.read_part("words", part)


def test_no_flipped_byte_changes_the_values_of_some_columns(local: Store, tmp_path: Path) -> None:
    part = local.write_part("words", "abc", "demo", output())
    path = tmp_path / "parts/words/abc.parquet"
    content, expected = path.read_bytes(), words().select(["score", "start_s"])
    refused = []
    for position in range(0, len(content), 3):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        try:
            assert local.read_part("words", part, ["score", "start_s"]).equals(expected)
        except StoreError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("parts/words/abc.parquet is damaged" in message and "\n" not in message for message in refused)


@pytest.mark.parametrize("columns", [None, ["score"]])
@pytest.mark.parametrize("kept", [0, 3, 0.5, -1])
def test_truncated_parts_are_named(store: Store, columns: list[str] | None, kept: float) -> None:
    part = store.write_part("words", "abc", "demo", output())
    content = store.files.read("parts/words/abc.parquet")
    store.files.write("parts/words/abc.parquet", content[: int(kept * len(content)) if kept == 0.5 else int(kept)])
    with pytest.raises(StoreError, match=r"parts/words/abc\.parquet is damaged: .*delete parts/words/abc\.\*"):
        store.read_part("words", part, columns)


def test_parts_of_other_rows_or_columns_are_refused(local: Store) -> None:
    part = local.write_part("words", "abc", "demo", output(5))
    local.write_part("words", "abc", "demo", output(4))
    with pytest.raises(StoreError, match="SHA-256"):
        local.read_part("words", part)
    with pytest.raises(StoreError, match="it has 4 rows, not 5"):
        local.read_part("words", part, ["word"])
    with pytest.raises(StoreError, match="it has no column speaker"):
        local.read_part("words", local.part("words", "abc"), ["word", "speaker"])


def test_deleting_what_the_message_names_recovers(local: Store, tmp_path: Path) -> None:
    part = local.write_part("words", "abc", "demo", output(2, 1))
    manifest = Manifest("words", 1, (part,))
    local.write_manifest(manifest)
    for path in [*(tmp_path / "parts/words").glob("abc.*"), *(tmp_path / "manifests/words").iterdir()]:
        path.unlink()
    assert not local.has_part("words", "abc")
    assert local.read_manifest("words", manifest.fingerprint) is None


def test_a_part_without_description_is_not_done(local: Store, tmp_path: Path) -> None:
    local.write_part("words", "abc", "demo", output())
    (tmp_path / "parts/words/abc.json").unlink()
    assert not local.has_part("words", "abc")
    with pytest.raises(StoreError, match=r"parts/words/abc\.json is missing"):
        local.part("words", "abc")


def test_the_description_is_written_last(local: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[list[str]] = []
    write = local.files.write

    def look_and_write(name: str, content: bytes) -> None:
        there.append(local.files.names("parts"))
        write(name, content)

    monkeypatch.setattr(local.files, "write", look_and_write)
    local.write_part("words", "abc", "demo", output(2, 1))
    rows, quarantine = "parts/words/abc.parquet", "parts/words/abc.quarantine.parquet"
    assert there == [[rows], [rows, quarantine]]
    assert local.has_part("words", "abc")


def test_a_damaged_quarantine_is_named(local: Store, tmp_path: Path) -> None:
    part = local.write_part("words", "abc", "demo", output(1, 3))
    (tmp_path / "parts/words/abc.quarantine.parquet").write_bytes(parquet_bytes(rejected(2)))
    with pytest.raises(StoreError, match=r"abc\.quarantine\.parquet is damaged: it has 2 rows, not 3"):
        local.read_quarantine(Manifest("words", 1, (part,)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b'{"parts": [{"key": 1}]}', b"\xff"])
def test_damaged_descriptions_manifests_and_documents_are_named(local: Store, content: bytes) -> None:
    local.files.write("parts/words/abc.json", content)
    local.files.write("manifests/words/abc.json", content)
    with pytest.raises(StoreError, match=r"parts/words/abc\.json is damaged: .*; delete it and run again"):
        local.part("words", "abc")
    with pytest.raises(StoreError, match=r"manifests/words/abc\.json is damaged: .*; delete it and run again"):
        local.read_manifest("words", "abc")
    with pytest.raises(StoreError, match="x is damaged"):
        Part.from_json(content, "x")
    try:
        json.loads(content)
    except ValueError:
        local.files.write("documents/search/abc.json", content)
        with pytest.raises(StoreError, match=r"documents/search/abc\.json is damaged"):
            local.read_document("search", "abc")


def test_an_unwritable_store_is_said_at_once_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file in place of the folder")
    store = Store(str(tmp_path / "taken"))
    with pytest.raises(StoreError, match=r"store '.*taken' cannot be written \(store\.json\): ") as caught:
        store.check_writable()
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="cannot be written"):
        store.write_part("words", "k", "demo", output())
    assert not store.has_part("words", "k")


def test_opening_a_store_creates_nothing(tmp_path: Path) -> None:
    assert Store(str(tmp_path / "none")).read_manifest("words", "k") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [3, 200])
def test_complete_parts_are_told_from_the_rest(store: Store, count: int) -> None:
    keys = [f"{number:03d}" for number in range(count)]
    assert store.complete_parts("words", keys) == {}
    made = {key: Part(key, "demo", 1, 0, 10, "0" * 64) for key in keys[::2]}
    for key, part in made.items():
        store.files.write(f"parts/words/{key}.json", part.to_json())
    store.files.write(f"parts/words/{keys[1]}.parquet", b"its description is not written yet")
    store.files.write("parts/segments/001.json", b"another stage")
    assert store.complete_parts("words", keys) == made
    assert store.complete_parts("words", []) == {}


@pytest.mark.parametrize("count", [3, 200])
def test_a_damaged_description_among_many_is_named(local: Store, count: int) -> None:
    keys = [f"{number:03d}" for number in range(count)]
    for key in keys:
        local.files.write(f"parts/words/{key}.json", Part(key, "demo", 1, 0, 10, "0" * 64).to_json())
    local.files.write("parts/words/002.json", b"{")
    with pytest.raises(StoreError, match=r"parts/words/002\.json is damaged: .*; delete it and run again"):
        local.complete_parts("words", keys)


def test_thousands_of_parts_are_listed_not_asked_for_one_by_one(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at 2,500 parts of which 40 exist takes a listing and 40 reads; at 20 parts each is asked for."""
    store = Store(f"{s3_url}/store")
    for number in range(40):
        part = Part(f"{number:04d}", "demo", 1, 0, 10, "0" * 64)
        store.files.write(f"parts/words/{part.key}.json", part.to_json())
    asked: list[str] = []
    s3fs = pytest.importorskip("s3fs")
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        asked.append(method)
        return await call(self, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    assert len(store.complete_parts("words", [f"{number:04d}" for number in range(2500)])) == 40
    assert asked.count("get_object") == 40
    assert len(asked) <= 2 * 40 + 2  # s3fs asks for the size before it reads
    asked.clear()
    assert len(store.complete_parts("words", [f"{number:04d}" for number in range(38, 58)])) == 2
    assert asked.count("get_object") == 2
    assert len(asked) <= 62


def test_objects_that_go_missing_while_many_are_read_are_named(store: Store) -> None:
    store.files.write("a/1.json", b"one")
    assert store.files.read_many(["a/1.json", "a/1.json"]) == [b"one", b"one"]
    assert store.files.read_many([]) == []
    with pytest.raises(StoreError, match=r"2\.json is missing"):
        store.files.read_many(["a/1.json", "a/2.json"])


def test_a_part_may_come_in_pieces(store: Store) -> None:
    whole = words(2500)
    pieces = [whole.slice(0, 700), whole.slice(700, 0), whole.slice(700, 1400), whole.slice(2100)]
    at_once = store.write_part("words", "once", "c", PartOutput(whole, rejected(1)))
    streamed = store.write_part("words", "pieces", "c", PartStream(whole.schema, iter(pieces), lambda: rejected(1)))
    assert (streamed.rows, streamed.rejected, streamed.sha256) == (2500, 1, at_once.sha256)
    batches = list(store.read_batches("words", streamed, ["word", "index"], 256))
    assert max(batch.num_rows for batch in batches) == 256
    assert pa.Table.from_batches(batches).equals(whole.select(["word", "index"]).combine_chunks())


def test_a_part_that_fails_half_way_is_not_there(local: Store, tmp_path: Path) -> None:
    def tables() -> Iterator[pa.Table]:
        yield words(2000)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        local.write_part("words", "k", "c", PartStream(WORDS, tables(), lambda: rejected(0)))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kept", [0, 3, 0.5, -1])
def test_batches_of_a_truncated_part_are_refused(store: Store, kept: float) -> None:
    part = store.write_part("words", "abc", "demo", output(2500))
    content = store.files.read("parts/words/abc.parquet")
    store.files.write("parts/words/abc.parquet", content[: int(kept * len(content)) if kept == 0.5 else int(kept)])
    with pytest.raises(StoreError, match=r"parts/words/abc\.parquet is damaged: .*delete parts/words/abc\.\*"):
        list(store.read_batches("words", part, ["word"], 256))
    with pytest.raises(StoreError, match=r"parts/words/none\.parquet is missing"):
        list(store.read_batches("words", Part("none", "c", 1, 0, 1, ""), ["word"], 256))
