"""Where a model may come from: a folder, or an address whose scheme an installed package resolves.

A package offers a scheme by an entry point of the group `kws_foundry.model_sources`, named for the scheme, that loads a
`ModelSource`. So the library itself knows nothing of registries.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from kws_core.errors import BundleError

GROUP = "kws_foundry.model_sources"

ModelSource = Callable[[str, Path], Path]
"""Fetches the model of an address into an empty folder, and tells where in it the bundle lies.

Raises `RegistryError` when it cannot be fetched, or what it needs is not installed.
"""


def is_address(place: str | Path) -> bool:
    """Whether a place is an address such as `models:/NAME@champion`, and not a folder."""
    return isinstance(place, str) and ":/" in place


def fetch(address: str, folder: Path) -> Path:
    """Bring the bundle of an address into a folder; returns where it lies.

    Raises:
        BundleError: no installed package knows the scheme.
        RegistryError: the model cannot be fetched.
    """
    scheme = address.split(":", 1)[0]
    known = {each.name: each for each in entry_points(group=GROUP)}
    if scheme not in known:
        listed = ", ".join(f"{name}:/…" for name in sorted(known))
        accepted = f"a folder or {listed}" if listed else "a folder"
        raise BundleError(f"{address}: the scheme {scheme + ':/'!r} is unknown; {accepted} is accepted")
    try:
        source: ModelSource = known[scheme].load()
    except ImportError as error:
        raise BundleError(
            f"{address}: what fetches models of {scheme + ':/'!r} cannot be loaded, {error.name} is not installed: "
            "pip install 'kws-foundry[pipeline]'"
        ) from error
    return source(address, folder)
