"""A bundle is written whole or not at all, as plain data."""

import json

import onnx
import pytest
from bundle_edits import TRAINED

from kws_core.bundle import (
    DESCRIPTION,
    ENCODER,
    SVM,
    load_bundle,
    unpack_bundle,
    write_bundle,
)
from kws_core.errors import BundleError


def test_writing_twice_gives_the_same_bytes(spoken, tmp_path):
    again = write_bundle(tmp_path / "again", spoken.contents, spoken.description)
    for name in (*TRAINED, DESCRIPTION):
        assert (again.folder / name).read_bytes() == (spoken.bundle.folder / name).read_bytes()
    assert again.fingerprint == spoken.bundle.fingerprint
    assert again.system_fingerprint == spoken.bundle.system_fingerprint


def test_unpacking_replaces_an_older_bundle_whole(spoken, copy):
    (copy / "left over").write_text("from an older version")
    (copy / SVM).unlink()
    contents = {name: (spoken.bundle.folder / name).read_bytes() for name in (*TRAINED, DESCRIPTION)}
    bundle = unpack_bundle(copy, contents)
    assert bundle.fingerprint == spoken.bundle.fingerprint
    assert sorted(path.name for path in copy.iterdir()) == sorted([*TRAINED, DESCRIPTION])
    assert [path.name for path in copy.parent.iterdir()] == ["copy"], "no temporary folder is left"


def test_an_incomplete_write_leaves_the_older_bundle(spoken, copy):
    contents = {name: (copy / name).read_bytes() for name in TRAINED}
    with pytest.raises(KeyError):
        unpack_bundle(copy, contents)
    assert load_bundle(copy).fingerprint == spoken.bundle.fingerprint
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_a_file_in_the_way_is_named(general, tmp_path):
    (tmp_path / "file").write_text("x")
    contents = {name: (general.folder / name).read_bytes() for name in general.files}
    with pytest.raises(BundleError, match="cannot be written"):
        unpack_bundle(tmp_path / "file" / "bundle", contents)


def test_the_files_are_plain_data(spoken):
    folder = spoken.bundle.folder
    for name in TRAINED[1:]:
        content = (folder / name).read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        assert max(ends) == len(content) - 8 - length
    model = onnx.load(folder / ENCODER, load_external_data=False)
    assert {entry.domain for entry in model.opset_import} == {""}
    assert not any(constant.external_data for constant in model.graph.initializer)
