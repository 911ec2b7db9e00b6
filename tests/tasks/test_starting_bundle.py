"""The bundle that fine-tuning starts from is pinned: what becomes of its folder afterwards does not matter."""

import shutil

import pytest

from kws_core.bundle import CENTROIDS, ENCODER, SVM, WEIGHTS, write_bundle
from kws_core.config import StrategyConfig
from kws_core.errors import BundleError
from tasks.places import Places
from tasks.starting_bundle import pin_starting_bundle, with_local_bundle


@pytest.fixture
def bundle(tmp_path):
    description = {
        "name": "small",
        "keywords": ("go",),
        "keyword_durations_s": (0.4,),
        "decision": "centroid",
        "thresholds": {"centroid": (0.5,), "svm": (0.0,)},
        "operating_point": {"far": 0.02, "non_target_segments": 9, "speakers": 3},
        "features": {},
        "encoder": {},
        "datasets": {},
        "licences": ("CC0-1.0",),
        "metrics": {},
    }
    contents = {name: name.encode() for name in (ENCODER, WEIGHTS, CENTROIDS, SVM)}
    return write_bundle(tmp_path / "bundle", contents, description)


def test_a_pinned_bundle_outlives_its_folder(bundle, tmp_path):
    here, there = (Places.in_workspace(tmp_path / name, str(tmp_path / "store")) for name in ("here", "there"))
    strategy = StrategyConfig(name="fine_tune", bundle=str(bundle.folder))
    key = pin_starting_bundle(here, strategy)
    assert key == bundle.fingerprint == pin_starting_bundle(here, strategy)
    contents = {name: (bundle.folder / name).read_bytes() for name in bundle.files}
    shutil.rmtree(bundle.folder)
    for _ in range(2):
        local = with_local_bundle(there, strategy, key)
        folder = there.cache / f"bundle-{key[:16]}"
        assert local == StrategyConfig(name="fine_tune", bundle=str(folder))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == contents


def test_strategies_without_a_bundle_need_nothing(tmp_path):
    places, strategy = Places.in_workspace(tmp_path), StrategyConfig()
    assert pin_starting_bundle(places, strategy) == ""
    assert with_local_bundle(places, strategy, "") is strategy


def test_a_bundle_that_is_not_there_is_refused(tmp_path):
    strategy = StrategyConfig(name="fine_tune", bundle=str(tmp_path / "nowhere"))
    with pytest.raises(BundleError, match="no bundle there"):
        pin_starting_bundle(Places.in_workspace(tmp_path), strategy)
