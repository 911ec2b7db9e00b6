"""Where the served model comes from, and how to see that another has taken its place."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flows.spot import UNIVERSAL
from kws_core.bundle import Bundle, load_bundle
from kws_core.errors import RegistryError
from kws_core.universal import universal_bundle_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

REGISTRY = "models:/"


class ModelSource(Protocol):
    """A place that holds one model at a time."""

    def version(self) -> str:
        """What is there now; raises `KwsError` when that cannot be told."""
        ...

    def fetch(self, version: str, folder: Path) -> Bundle:
        """Copy what was seen there to a new folder, its hashes checked; raises `KwsError` when it cannot be had."""
        ...


class FolderSource:
    """A bundle's folder; a bundle that is put in its place is another version, called by its fingerprint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def version(self) -> str:
        """The first characters of the fingerprint; raises `BundleError` when no bundle is there."""
        return load_bundle(self._folder).fingerprint[:12]

    def fetch(self, version: str, folder: Path) -> Bundle:
        """Copy the bundle; raises `BundleError` when it is damaged or is being replaced."""
        return _copy(load_bundle(self._folder), folder)


class RegistrySource:
    """`models:/NAME@ALIAS`, which moves, or `models:/NAME/VERSION`, which does not."""

    def __init__(self, address: str, tracking_uri: str) -> None:
        """Connect to the registry; raises `RegistryError` for an address that is not one of these."""
        from tasks import registry
        from tasks.model_source import registry_of

        self._name, self._alias, self._version = _parts(address)
        self._tracking_uri = tracking_uri or registry_of(self._name)
        self._client: MlflowClient = registry.client(self._tracking_uri)

    def version(self) -> str:
        """The version that the alias points to; raises `RegistryError` when there is none."""
        from tasks import registry

        if self._version:
            return self._version
        with registry.told(self._tracking_uri):
            found = registry.version_by_alias(self._client, self._name, self._alias)
        if found is None:
            raise RegistryError(f"{self._name} has no version with the alias {self._alias}")
        return str(found.version)

    def fetch(self, version: str, folder: Path) -> Bundle:
        """Download a version, whatever the alias points to meanwhile; raises `RegistryError` or `BundleError`."""
        from tasks import registry

        address = f"{REGISTRY}{self._name}/{version}"
        with registry.told(self._tracking_uri), registry.downloaded(self._client, address) as bundle:
            return _copy(bundle, folder)


def model_source(model: str, tracking_uri: str) -> ModelSource:
    """The source of a bundle's folder, of a registry address, or of the package's `universal` bundle."""
    if model.startswith(REGISTRY):
        return RegistrySource(model, tracking_uri)
    return FolderSource(universal_bundle_path() if model == UNIVERSAL else Path(model))


def _parts(address: str) -> tuple[str, str, str]:
    """Name, alias and version of an address; one of the last two is empty."""
    name, at, alias = address.removeprefix(REGISTRY).partition("@")
    if at and name and alias:
        return name, alias, ""
    name, _, version = address.removeprefix(REGISTRY).rpartition("/")
    if not name or not version.isdigit():
        raise RegistryError(f"{address!r} is no registered model; models:/NAME@ALIAS or models:/NAME/VERSION are")
    return name, "", version


def _copy(bundle: Bundle, folder: Path) -> Bundle:
    """A copy of our own: the original may be replaced or removed while it is served."""
    folder.mkdir(parents=True)
    for name in bundle.files:
        shutil.copyfile(bundle.folder / name, folder / name)
    return load_bundle(folder)
