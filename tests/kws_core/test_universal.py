"""The bundle that comes with the package is a whole encoder bundle that the wheel takes along."""

from pathlib import Path

import kws_core.universal
from kws_core.universal import universal_bundle_path


def test_its_folder_lies_in_the_package():
    folder = universal_bundle_path()
    assert folder.parent == Path(kws_core.universal.__file__).parent
    assert folder.name == "bundle"
