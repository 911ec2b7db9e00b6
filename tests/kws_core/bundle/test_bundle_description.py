"""A description that is not a bundle's, or does not fit its files, is refused by name."""

import hashlib
import json

import pytest
from bundle_edits import TRAINED, edit

from kws_core.bundle import (
    COHORT,
    DESCRIPTION,
    ENCODER,
    load_bundle,
)
from kws_core.errors import BundleError
from kws_core.spotter import Spotter

ENROLLED = {
    "stranger": {
        "examples": ["0" * 64],
        "least_cosine": None,
        "operating_point": {"far": 0.01, "non_target_segments": 100, "speakers": 4},
    }
}


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


def test_the_description_of_a_trained_bundle_has_no_fields_of_other_kinds(spoken):
    assert "enrolled" not in json.loads((spoken.bundle.folder / DESCRIPTION).read_text("utf-8"))
