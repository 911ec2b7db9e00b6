"""What is written is what is read, and nothing else is read."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from encoder_bundles import make_encoder_bundle

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
    unpack_bundle,
    write_bundle,
)
from kws_core.errors import BundleError
from kws_core.spotter import Spotter

TRAINED = (ENCODER, WEIGHTS, CENTROIDS, SVM, SOFTMAX)
"""The files of a bundle with trained keywords."""


@pytest.fixture(scope="module")
def general(tmp_path_factory):
    """An encoder bundle: a cohort and no keywords."""
    return make_encoder_bundle(tmp_path_factory.mktemp("general"))


@pytest.fixture
def copy(spoken, tmp_path):
    """A copy of the bundle that may be damaged."""
    return Path(shutil.copytree(spoken.bundle.folder, tmp_path / "copy"))


def edit(folder, **changes):
    document = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    for name, value in changes.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    (folder / DESCRIPTION).write_text(json.dumps(document), "utf-8")


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


def test_writing_twice_gives_the_same_bytes(spoken, tmp_path):
    again = write_bundle(tmp_path / "again", spoken.contents, spoken.description)
    for name in (*TRAINED, DESCRIPTION):
        assert (again.folder / name).read_bytes() == (spoken.bundle.folder / name).read_bytes()
    assert again.fingerprint == spoken.bundle.fingerprint
    assert again.system_fingerprint == spoken.bundle.system_fingerprint


def test_fingerprints_tell_what_changed(spoken, tmp_path):
    measured = write_bundle(tmp_path / "a", spoken.contents, {**spoken.description, "metrics": {"eer": 0.5}})
    assert measured.fingerprint != spoken.bundle.fingerprint
    assert measured.system_fingerprint == spoken.bundle.system_fingerprint
    other = write_bundle(tmp_path / "b", spoken.contents, {**spoken.description, "decision": "svm"})
    assert other.system_fingerprint != spoken.bundle.system_fingerprint


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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no bundle there"),
        (b"", "not JSON"),
        (b"\x00\xff\xfe garbage", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a bundle's description"),
        (b"{}", "not a bundle's"),
        (b'{"format": "onnx bundle", "version": 1}', "'format'"),
    ],
)
def test_a_description_that_is_no_bundles(copy, content, said):
    (copy / DESCRIPTION).unlink()
    if content is not None:
        (copy / DESCRIPTION).write_bytes(content)
    with pytest.raises(BundleError, match=said) as raised:
        load_bundle(copy)
    assert DESCRIPTION in str(raised.value)
    assert "\n" not in str(raised.value)


ENROLLED = {
    "stranger": {
        "examples": ["0" * 64],
        "least_cosine": None,
        "operating_point": {"far": 0.01, "non_target_segments": 100, "speakers": 4},
    }
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "'version'"),
        ({"name": None}, "'name'"),
        ({"surprise": 1}, "'surprise'"),
        ({"decision": "cosine"}, "'decision'"),
        ({"keywords": []}, "0 keywords need as many keyword_durations_s"),
        ({"keywords": [], "keyword_durations_s": []}, "0 keywords need as many thresholds of 'centroid'"),
        ({"keywords": [], "keyword_durations_s": [], "thresholds": {}}, f"the hash of {COHORT} is missing"),
        (
            {"thresholds": {"cosine": [0.1, 0.2, 0.3]}},
            "thresholds of 'cosine'; the back ends are centroid, svm, softmax",
        ),
        ({"operating_point": None}, "keywords that were trained need an operating_point"),
        ({"enrolled": ENROLLED}, "'stranger' is enrolled but is no keyword"),
        ({"keywords": ["computer", "marvin"]}, "2 keywords need as many keyword_durations_s"),
        ({"keyword_durations_s": [0.5]}, "3 keywords need as many keyword_durations_s"),
        ({"thresholds": {"svm": [0.1, 0.2, 0.3]}}, "3 keywords need as many thresholds of 'centroid'"),
        ({"thresholds": {"centroid": [0.1, 0.2]}}, "3 keywords need as many thresholds of 'centroid'"),
        ({"files": {}}, f"the hash of {ENCODER} is missing"),
        ({"operating_point": {"far": 0.02}}, r"'operating_point\."),
    ],
)
def test_an_edited_description_is_refused_and_named(copy, changes, said):
    edit(copy, **changes)
    with pytest.raises(BundleError, match=said) as raised:
        Spotter.load(copy)
    assert str(copy / DESCRIPTION) in str(raised.value)


def test_an_edited_hash_is_found_out(copy):
    files = json.loads((copy / DESCRIPTION).read_text("utf-8"))["files"]
    edit(copy, files={**files, SVM: "0" * 64})
    with pytest.raises(BundleError, match=SVM):
        load_bundle(copy)


def test_a_file_that_is_no_bundles_is_refused(copy):
    (copy / "surprise.bin").write_bytes(b"")
    files = json.loads((copy / DESCRIPTION).read_text("utf-8"))["files"]
    edit(copy, files={**files, "surprise.bin": hashlib.sha256(b"").hexdigest()})
    with pytest.raises(BundleError, match=r"'surprise\.bin' is no file of a bundle"):
        load_bundle(copy)


@pytest.mark.parametrize("name", TRAINED)
def test_a_file_that_the_back_ends_need_must_be_listed(copy, name):
    files = json.loads((copy / DESCRIPTION).read_text("utf-8"))["files"]
    edit(copy, files={key: value for key, value in files.items() if key != name})
    with pytest.raises(BundleError, match=f"the hash of {name} is missing"):
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


def test_the_description_of_a_trained_bundle_has_no_fields_of_other_kinds(spoken):
    assert "enrolled" not in json.loads((spoken.bundle.folder / DESCRIPTION).read_text("utf-8"))


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


def test_a_file_in_the_way_is_named(general, tmp_path):
    (tmp_path / "file").write_text("x")
    contents = {name: (general.folder / name).read_bytes() for name in general.files}
    with pytest.raises(BundleError, match="cannot be written"):
        unpack_bundle(tmp_path / "file" / "bundle", contents)


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


SERVICE = """
import json, pickle, sys
BLOCKED = ("torch", "sklearn", "scipy", "pandas", "pyarrow", "prefect", "ray", "mlflow", "onnx", "jinja2", "matplotlib")
for name in BLOCKED:
    sys.modules[name] = None

def refuse(*arguments, **keywords):
    raise AssertionError("pickle was asked to load")

pickle.load = pickle.loads = pickle.Unpickler = refuse
import numpy as np
from kws_core.spotter import Spotter

spotter = Spotter.load(sys.argv[1])
windows = np.load(sys.argv[2], allow_pickle=False)
found = [[c.keyword, c.score, c.accepted] for c in spotter.classify(windows)]
events = [[d.keyword, d.start_s] for d in spotter.detect(windows.ravel())]
print(json.dumps({"classified": found, "detected": events}))
"""


@pytest.mark.parametrize("decision", BACKENDS)
def test_a_bundle_works_in_service_without_what_trained_it(spoken, tmp_path, decision):
    from kws_core.embeddings import segment_window

    bundle = write_bundle(tmp_path / "bundle", spoken.contents, {**spoken.description, "decision": decision})
    windows = np.stack([segment_window(row) for row in spoken.segments.slice(0, 14).to_pylist()])
    np.save(tmp_path / "windows.npy", windows)
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SERVICE, bundle.folder, tmp_path / "windows.npy"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    spotter = Spotter(bundle)
    expected = spotter.classify(windows)
    assert [(row[0], row[2]) for row in answer["classified"]] == [(c.keyword, c.accepted) for c in expected]
    np.testing.assert_allclose([row[1] for row in answer["classified"]], [c.score for c in expected], atol=1e-5)
    assert [tuple(row) for row in answer["detected"]] == [
        (event.keyword, event.start_s) for event in spotter.detect(windows.ravel())
    ]
    labels = spoken.segments["label"].to_pylist()[:14]
    accepted = [c.keyword for c in expected if c.accepted]
    assert len(accepted) >= 3
    assert set(accepted) <= set(labels)
