"""MLflow: the tracking store, registered versions and their aliases."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws_core.bundle import DESCRIPTION, Bundle, load_bundle
from kws_core.errors import RegistryError
from tasks.places import Places

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
BUNDLE_TAG = "kws.bundle"
DECISION_TAG = "kws.decision"
PROMOTED_TAG = "kws.promoted"


def client(tracking_uri: str) -> "MlflowClient":
    """Connect to a tracking store and model registry."""
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    if tracking_uri.startswith("sqlite:///"):
        Path(tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    return mlflow.MlflowClient(tracking_uri, tracking_uri)


def experiment_id(registry: "MlflowClient", places: Places, name: str) -> str:
    """The MLflow experiment of this name, made where there is none; files of a local one lie in the workspace."""
    found = registry.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = places.tracking_uri.startswith("sqlite:")
    location = (places.workspace / "mlartifacts").as_uri() if local else None
    return str(registry.create_experiment(name, artifact_location=location))


def version_by_alias(registry: "MlflowClient", name: str, alias: str) -> Any | None:
    """The model version that an alias points to, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return registry.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise RegistryError(f"the registry cannot be asked for {name}@{alias}: {error.message}") from error


def version_of_bundle(registry: "MlflowClient", name: str, fingerprint: str) -> Any | None:
    """The newest model version that carries this bundle, or None."""
    found = registry.search_model_versions(f"name='{name}' AND tags.`{BUNDLE_TAG}`='{fingerprint}'")
    return max(found, key=lambda version: int(version.version), default=None)


def move_champion(registry: "MlflowClient", name: str, version: str) -> None:
    """Make a version champion; the one that was becomes `previous`, first, so that it is never lost."""
    served = version_by_alias(registry, name, CHAMPION)
    if served is not None and str(served.version) != version:
        registry.set_registered_model_alias(name, PREVIOUS, str(served.version))
    registry.set_registered_model_alias(name, CHAMPION, version)


def roll_back(registry: "MlflowClient", name: str) -> tuple[str, str]:
    """Put the previous champion back; returns the versions that served and that serves now.

    Raises:
        RegistryError: there is no champion, or none before it.
    """
    served = version_by_alias(registry, name, CHAMPION)
    previous = version_by_alias(registry, name, PREVIOUS)
    if served is None or previous is None:
        missing = CHAMPION if served is None else PREVIOUS
        raise RegistryError(f"{name} has no version with the alias {missing}: there is nothing to roll back to")
    move_champion(registry, name, str(previous.version))
    return str(served.version), str(previous.version)


@contextlib.contextmanager
def downloaded(registry: "MlflowClient", model_uri: str) -> Iterator[Bundle]:
    """The bundle of a registered version, in a temporary folder, its hashes checked.

    Raises:
        RegistryError: there is no such version or the registry cannot be reached.
        BundleError: what is registered there is not a bundle of ours.
    """
    import tempfile

    import mlflow
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=model_uri, dst_path=folder, tracking_uri=registry.tracking_uri
            )
        except (MlflowException, OSError) as error:
            message = getattr(error, "message", str(error))
            raise RegistryError(f"{model_uri} cannot be fetched from {registry.tracking_uri}: {message}") from error
        yield load_bundle(_bundle_folder(Path(path), model_uri))


def _bundle_folder(path: Path, model_uri: str) -> Path:
    found = sorted(path.rglob(DESCRIPTION))
    if len(found) != 1:
        raise RegistryError(f"{model_uri} holds {len(found)} bundles, exactly one is expected: it is not ours")
    return found[0].parent
