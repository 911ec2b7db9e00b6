"""A bundle that may be damaged, and an encoder bundle."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def general(tmp_path_factory):
    """An encoder bundle: a cohort and no keywords."""
    from encoder_bundles import make_encoder_bundle

    return make_encoder_bundle(tmp_path_factory.mktemp("general"))


@pytest.fixture
def copy(spoken, tmp_path):
    """A copy of the bundle that may be damaged."""
    return Path(shutil.copytree(spoken.bundle.folder, tmp_path / "copy"))
