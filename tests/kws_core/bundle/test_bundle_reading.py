"""What is written is what is read, and nothing else is read."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from bundle_edits import TRAINED, edit

from kws_core.backends.table import BACKENDS
from kws_core.bundle import (
    CENTROIDS,
    COHORT,
    DESCRIPTION,
    ENCODER,
    SOFTMAX,
    SVM,
    WEIGHTS,
    load_bundle,
    tensor_bytes,
    write_bundle,
)
from kws_core.errors import BundleError
from kws_core.spotter import Spotter


def test_round_trip(spoken):
    bundle = load_bundle(spoken.bundle.folder)
    assert sorted(path.name for path in bundle.folder.iterdir()) == sorted([*TRAINED, DESCRIPTION])
    description = bundle.description
    for name, value in spoken.description.items():
        assert getattr(description, name) == value
    for name, content in spoken.contents.items():
        assert (bundle.folder / name).read_bytes() == content
    for name, file in (
        ("centroid", "centroids.safetensors"),
        ("svm", "svm.safetensors"),
        ("softmax", "softmax.safetensors"),
    ):
        arrays = spoken.fitted.backends()[name].arrays()
        read = bundle.tensors(file)
        assert set(read) == set(arrays)
        for key, array in arrays.items():
            np.testing.assert_array_equal(read[key], array)
    weights = bundle.tensors("encoder.safetensors")
    for name, value in spoken.encoder.state_dict().items():
        np.testing.assert_array_equal(weights[name], value.numpy())


def test_fingerprints_tell_what_changed(spoken, tmp_path):
    measured = write_bundle(tmp_path / "a", spoken.contents, {**spoken.description, "metrics": {"eer": 0.5}})
    assert measured.fingerprint != spoken.bundle.fingerprint
    assert measured.system_fingerprint == spoken.bundle.system_fingerprint
    other = write_bundle(tmp_path / "b", spoken.contents, {**spoken.description, "decision": "svm"})
    assert other.system_fingerprint != spoken.bundle.system_fingerprint


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("damage", ["missing", "empty", "one bit", "cut", "folder"])
def test_every_damaged_file_is_named(copy, name, damage):
    path = copy / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        content[len(content) // 2] ^= 1
        path.write_bytes({"empty": b"", "one bit": bytes(content), "cut": bytes(content[:-1])}[damage])
    with pytest.raises(BundleError) as raised:
        load_bundle(copy)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_edited_hash_is_found_out(copy):
    files = json.loads((copy / DESCRIPTION).read_text("utf-8"))["files"]
    edit(copy, files={**files, SVM: "0" * 64})
    with pytest.raises(BundleError, match=SVM):
        load_bundle(copy)


def test_a_bundle_needs_only_the_files_of_the_back_ends_that_it_has_thresholds_of(spoken, tmp_path):
    bundle = without(spoken, tmp_path / "centroid", "svm", "softmax")
    assert sorted(path.name for path in bundle.folder.iterdir()) == sorted([ENCODER, WEIGHTS, CENTROIDS, DESCRIPTION])
    assert Spotter(bundle).keywords == spoken.bundle.description.keywords


def without(spoken, folder, *dropped, decision="centroid"):
    """The tiny bundle as it would be without some of its back ends."""
    files = {BACKENDS[name].file for name in dropped}
    contents = {name: content for name, content in spoken.contents.items() if name not in files}
    thresholds = {name: values for name, values in spoken.description["thresholds"].items() if name not in dropped}
    return write_bundle(folder, contents, {**spoken.description, "thresholds": thresholds, "decision": decision})


@pytest.mark.parametrize("decision", ["centroid", "svm"])
def test_a_bundle_of_before_there_was_a_softmax(spoken, tmp_path, decision):
    bundle = without(spoken, tmp_path / "old", "softmax", decision=decision)
    assert SOFTMAX not in bundle.files
    assert list(bundle.backends()) == ["centroid", "svm"]
    embeddings = spoken.embeddings[:20]
    for name, backend in bundle.backends().items():
        np.testing.assert_array_equal(backend.score(embeddings), spoken.fitted.backends()[name].score(embeddings))
    windows = np.random.default_rng(0).normal(0, 0.1, (3, 16000)).astype(np.float32)
    whole = write_bundle(tmp_path / "new", spoken.contents, {**spoken.description, "decision": decision})
    assert Spotter(bundle).classify(windows) == Spotter(whole).classify(windows)
    with pytest.raises(BundleError, match="no back end 'softmax'; it has centroid, svm"):
        bundle.backend("softmax")


def test_the_centroids_of_before_there_was_one_of_the_non_targets(spoken, tmp_path):
    contents = {**spoken.contents, CENTROIDS: tensor_bytes({"centroids": spoken.fitted.centroid.centroids})}
    backend = write_bundle(tmp_path / "old", contents, spoken.description).backend("centroid")
    scores = spoken.fitted.centroid.score(spoken.embeddings)
    np.testing.assert_array_equal(backend.score(spoken.embeddings), scores)


def test_the_back_ends_of_a_bundle_are_those_that_were_fitted(spoken, general):
    backends = spoken.bundle.backends()
    assert list(backends) == list(BACKENDS)
    for name, backend in backends.items():
        fitted = spoken.fitted.backends()[name]
        np.testing.assert_array_equal(backend.score(spoken.embeddings), fitted.score(spoken.embeddings))
        # by their own rules too: the centroid of the non-targets has gone along
        np.testing.assert_array_equal(backend.decide(spoken.embeddings), fitted.decide(spoken.embeddings))
        assert set(backend.decide(spoken.embeddings).tolist()) == {-1, 0, 1, 2}
    assert general.backends() == {}
    with pytest.raises(BundleError, match="no back end 'centroid'; it has none"):
        general.backend("centroid")


@pytest.mark.parametrize("name", BACKENDS)
def test_arrays_of_another_back_end_are_refused_by_the_name_of_their_file(spoken, tmp_path, name):
    contents = {**spoken.contents, BACKENDS[name].file: tensor_bytes({"surprise": np.zeros(3)})}
    bundle = write_bundle(tmp_path / "foreign", contents, {**spoken.description, "decision": name})
    with pytest.raises(BundleError, match=f"{BACKENDS[name].file}: array .* is missing"):
        Spotter(bundle)


def test_an_encoder_bundle(general):
    bundle = load_bundle(general.folder)
    assert bundle.description.keywords == ()
    assert bundle.description.operating_point is None
    assert sorted(bundle.files) == sorted([ENCODER, WEIGHTS, COHORT, DESCRIPTION])
    assert sorted(path.name for path in bundle.folder.iterdir()) == sorted(bundle.files)
    embeddings = bundle.tensors(COHORT)["embeddings"]
    assert embeddings.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(embeddings.astype(np.float64), axis=1), 1, atol=2e-3)


@pytest.mark.parametrize("name", [ENCODER, WEIGHTS, COHORT])
@pytest.mark.parametrize("damage", ["missing", "one bit", "not listed"])
def test_every_damaged_file_of_an_encoder_bundle_is_named(general, tmp_path, name, damage):
    folder = Path(shutil.copytree(general.folder, tmp_path / "copy"))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "not listed":
        edit(folder, files={key: value for key, value in general.description.files.items() if key != name})
    elif damage == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=name):
        load_bundle(folder)


def test_a_spotter_of_an_encoder_without_keywords_says_to_enrol(general):
    with pytest.raises(BundleError, match=r"an encoder without keywords; enrol one by example first, with kws enrol"):
        Spotter(general)


def test_no_bundle_at_all(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(BundleError, match="no bundle there"):
            load_bundle(folder)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="file"):
        load_bundle(tmp_path / "file")


def test_foreign_tensors_are_refused_by_name(spoken, tmp_path):
    contents = {**spoken.contents, SVM: b"not tensors, but hashed"}
    bundle = write_bundle(tmp_path / "foreign", contents, {**spoken.description, "decision": "svm"})
    with pytest.raises(BundleError, match=SVM):
        Spotter(bundle)
