"""Which code made a version."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("kws_core", "tasks", "flows")


@cache
def code_version() -> str:
    """The package's version, and the first 12 digits of the SHA-256 over all its Python sources.

    It is the same from a checkout, with changes that nobody has committed too, and from an installed package.
    """
    try:
        number = version("kws-foundry")
    except PackageNotFoundError:
        number = "not installed"
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{number} sources {digest.hexdigest()[:12]}"
