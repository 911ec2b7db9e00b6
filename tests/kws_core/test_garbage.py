"""Garbage collection on small stores: what is needed stays, whatever happens at the same time."""

import json
import os
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.errors import StoreError
from kws_core.fingerprint import fingerprint, sha256
from kws_core.garbage import Found, Registered, delete_garbage, find_garbage
from kws_core.manifest import Manifest, Part
from kws_core.part import PartOutput
from kws_core.part_claims import claim
from kws_core.schemas import QUARANTINE
from kws_core.store import Store

DAY_S = 86_400.0
KEEP_S = 7 * DAY_S
STAGES = ("words", "features")
NOBODY = Registered(frozenset())


def write_part(store: Store, stage: str, key: str) -> Part:
    table = pa.table({"key": [key]})
    return store.write_part(stage, key, "ours", PartOutput(table, QUARANTINE.empty_table()))


def age(store: Store, days: float, names: str = "**/*") -> None:
    """Make files as old as that."""
    moment = time.time() - days * DAY_S
    for path in Path(store.url).glob(names):
        if path.is_file():
            os.utime(path, (moment, moment))


def collect(store: Store, registered: Registered = NOBODY) -> Found:
    found = find_garbage(store, registered, KEEP_S)
    delete_garbage(store, found)
    return found


def keys(found: Found) -> set[tuple[str, str]]:
    return {(garbage.kind, garbage.key) for garbage in found.garbage}


PARTS = st.lists(
    st.fixed_dictionaries(
        {
            "stage": st.sampled_from(STAGES),
            "days": st.sampled_from([0.0, 6.9, 7.1, 300.0]),
            "listed": st.booleans(),
            "claimed": st.sampled_from(["", "", "before", "meanwhile"]),
            "described": st.sampled_from([True, True, False]),
            "companion": st.booleans(),
        }
    ),
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(PARTS)
def test_what_is_listed_claimed_or_young_stays_and_the_rest_goes(parts: list[dict]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"{folder}/store")
        made = []
        for number, facts in enumerate(parts):
            key = fingerprint(number)
            part = write_part(store, facts["stage"], key)
            if facts["companion"]:
                write_part(store, "inventory", key)
            age(store, facts["days"], f"parts/*/{key}.*")
            if not facts["described"] and not facts["listed"]:
                (Path(store.url) / f"parts/{facts['stage']}/{key}.json").unlink()
            made.append((key, part, facts))
        for stage in STAGES:
            listed = [part for _, part, facts in made if facts["listed"] and facts["stage"] == stage]
            store.write_manifest(Manifest(stage, 1, tuple(listed)))
        claim(store.files, "words", "before", [key for key, _, facts in made if facts["claimed"] == "before"])
        found = find_garbage(store, NOBODY, KEEP_S)
        before = {name: store.files.read(name) for name in store.files.names("parts")}
        claim(store.files, "words", "meanwhile", [key for key, _, facts in made if facts["claimed"] == "meanwhile"])
        delete_garbage(store, found)

        after = {name: store.files.read(name) for name in store.files.names("parts")}
        assert after.items() <= before.items()
        for key, part, facts in made:
            left = {name for name in after if key in name}
            if facts["listed"] or facts["claimed"] or facts["days"] < 7:
                assert left == {name for name in before if key in name}
                store.read_part(facts["stage"], part)
            else:
                assert not left


def test_looking_changes_nothing_and_collecting_twice_finds_nothing_more(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    for number in range(3):
        write_part(store, "words", fingerprint(number))
    (Path(store.url) / f"parts/words/.{fingerprint(9)}.parquet.0123").write_bytes(b"half")
    age(store, 8)
    before = store.files.details("parts")
    found = find_garbage(store, NOBODY, KEEP_S)
    assert store.files.details("parts") == before
    assert len(found.garbage) == 4
    assert sum(garbage.size_bytes for garbage in found.garbage) == sum(one.size_bytes for one in before.values())
    assert len(delete_garbage(store, found)) == 4
    assert not store.files.details("parts")
    assert not collect(store).garbage


def test_a_claim_that_a_killed_run_left_goes_first_and_its_parts_the_next_time(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    key = fingerprint(1)
    write_part(store, "words", key)
    claim(store.files, "words", "f" * 64, [key])
    age(store, 8)
    assert [garbage.kind for garbage in collect(store).garbage] == ["claim"]
    assert keys(collect(store)) == {("words", key)}


def _bundle(store: Store, key: str, onnx: bytes, kind: str = "bundle") -> str:
    """A bundle as far as it is looked at; returns its fingerprint."""
    description = json.dumps({"key": key, "files": {"encoder.onnx": sha256(onnx)}}).encode()
    store.write_object(kind, key, "encoder.onnx", onnx)
    store.write_object(kind, key, "bundle.json", description)
    return sha256(description)


def _encoder(store: Store, key: str, onnx: bytes) -> None:
    store.write_object("encoder", key, "checkpoint.pt", b"checkpoint")
    store.write_object("encoder", key, "encoder.onnx", onnx)
    store.write_document("encoder", key, {"history": []})
    store.write_document("progress", key, {"epoch": 1})
    store.write_object("onnx", sha256(onnx), "encoder.onnx", onnx)


def test_bundles_and_encoders_of_registered_versions_stay(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    served = _bundle(store, "served", b"good")
    _bundle(store, "unregistered", b"bad")
    _bundle(store, "start", b"other", "starting_bundle")
    _encoder(store, "good", b"good")
    _encoder(store, "bad", b"bad")
    store.write_object("encoder", "given-up", "checkpoint.pt", b"half")
    store.write_object("mfa", "model", "acoustic_model.zip", b"dear")
    store.write_document("search", "any", {"trials": []})
    store.files.write("searches/abandoned/trial/checkpoint", b"x")
    store.files.write("corpora/ours/revision-000001.json", b"{}")
    age(store, 8)
    store.files.write("searches/running/trial/checkpoint", b"x")
    _encoder(store, "young", b"young")
    found = collect(store, Registered(frozenset({served})))
    assert keys(found) == {
        ("bundle", "unregistered"),
        ("starting bundle", "start"),
        ("encoder", "bad"),
        ("encoder", "given-up"),
        ("encoder copy", sha256(b"bad")),
        ("checkpoint", "good"),
        ("search", "abandoned"),
    }
    left = {*store.files.names("objects"), *store.files.names("documents"), *store.files.names("searches")}
    assert left == {
        "objects/bundle/served/bundle.json",
        "objects/bundle/served/encoder.onnx",
        "objects/encoder/good/encoder.onnx",
        f"objects/onnx/{sha256(b'good')}/encoder.onnx",
        "objects/encoder/young/checkpoint.pt",
        "objects/encoder/young/encoder.onnx",
        f"objects/onnx/{sha256(b'young')}/encoder.onnx",
        "objects/mfa/model/acoustic_model.zip",
        "documents/encoder/good.json",
        "documents/encoder/young.json",
        "documents/progress/young.json",
        "documents/search/any.json",
        "searches/running/trial/checkpoint",
    }
    assert store.files.exists("corpora/ours/revision-000001.json")


def test_leases_of_killed_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for work in ("search-dead", "search-alive"):
        for name in ("00000001.json", "token.beat"):
            store.files.write(f"leases/{work}/{name}", b"x")
    age(store, 30)
    store.files.write("leases/search-alive/token.beat", b"y")
    assert keys(collect(store)) == {("lease", "search-dead")}
    assert store.files.names("leases") == ["leases/search-alive/00000001.json", "leases/search-alive/token.beat"]


def test_the_registry_of_another_store_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    _bundle(store, "served", b"good")
    age(store, 8)
    with pytest.raises(StoreError, match=r"none of the bundles in .* is a version in this registry"):
        find_garbage(store, Registered(frozenset({"0" * 64})), KEEP_S)


def test_parts_of_a_registered_version_stay_while_its_manifest_is_missing(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    write_part(store, "words", fingerprint(1))
    write_part(store, "features", fingerprint(2))
    served = _bundle(store, "served", b"good")
    age(store, 8)
    found = collect(store, Registered(frozenset({served}), {served: frozenset({"features/" + "a" * 64})}))
    assert found.unaccounted == ("features",)
    assert keys(found) == {("words", fingerprint(1))}
    assert store.has_part("features", fingerprint(2))


def test_the_same_on_s3(s3_url: str) -> None:
    store = Store(f"{s3_url}/store")
    kept, gone = write_part(store, "words", fingerprint(1)), write_part(store, "words", fingerprint(2))
    store.write_manifest(Manifest("words", 1, (kept,)))
    assert not find_garbage(store, NOBODY, KEEP_S).garbage
    # nothing on S3 can be made old: a limit that lies ahead takes everything for old
    found = find_garbage(store, NOBODY, -DAY_S)
    assert keys(found) == {("words", gone.key)}
    delete_garbage(store, found)
    assert store.files.names("parts") == [f"parts/words/{kept.key}.json", f"parts/words/{kept.key}.parquet"]
