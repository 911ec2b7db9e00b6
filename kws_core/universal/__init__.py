"""The general encoder that comes with the package: words are enrolled by example, without training."""

from pathlib import Path


def universal_bundle_path() -> Path:
    """Folder of the universal encoder bundle; it has no keywords yet."""
    return Path(__file__).parent / "bundle"
