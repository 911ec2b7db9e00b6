"""MLflow: the tracking store, registered versions and their aliases."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws_core.bundle import DESCRIPTION, Bundle, load_bundle
from kws_core.errors import BundleError, RegistryError
from tasks.artifact_source import check_source, resolved_source
from tasks.places import Places
from tasks.registry_waits import say_waits_once

if TYPE_CHECKING:
    from mlflow import MlflowClient

CANDIDATE, CHALLENGER, CHAMPION, PREVIOUS = "candidate", "challenger", "champion", "previous"
"""Registered; passed its own checks; in service; in service before."""
BUNDLE_TAG = "kws.bundle"
DECISION_TAG = "kws.decision"
PROMOTED_TAG = "kws.promoted"
CHECKS_TAG = "kws.checks"
"""Of a version's own checks: `passed` or `failed`."""


def client(tracking_uri: str) -> "MlflowClient":
    """Connect to a tracking store and model registry."""
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    say_waits_once()
    if tracking_uri.startswith("sqlite:///"):
        Path(tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    return mlflow.MlflowClient(tracking_uri, tracking_uri)


@contextlib.contextmanager
def told(tracking_uri: str) -> Iterator[None]:
    """Trouble with MLflow as one sentence; raises `RegistryError`."""
    try:
        yield
    except Exception as error:
        sentence = trouble(error, f" at {tracking_uri}")
        if not sentence:
            raise
        raise RegistryError(sentence) from error


def trouble(error: Exception, where: str = "") -> str:
    """An error of MLflow or of the way to it as one sentence; empty for any other."""
    if type(error).__module__.partition(".")[0] not in ("mlflow", "requests"):
        return ""
    message = " ".join(str(getattr(error, "message", error)).split())
    if "API request to" in message and "failed with" in message and "error code" not in message:
        return (
            f"MLflow{where} did not answer: {_cause(message)}; run it again when it does "
            "(MLFLOW_HTTP_REQUEST_TIMEOUT and MLFLOW_HTTP_REQUEST_MAX_RETRIES say how long it is waited for)"
        )
    return f"MLflow{where} refused: {message}"


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


def versions(registry: "MlflowClient", name: str) -> list[Any]:
    """All versions, the oldest first; raises `RegistryError` when there is no such model."""
    found = registry.search_model_versions(f"name='{name}'")
    if not found:
        raise RegistryError(f"{registry.tracking_uri} has no versions of a model {name!r}")
    return sorted(found, key=lambda version: int(version.version))


def registered_version(registry: "MlflowClient", name: str, number: str) -> Any:
    """One version; raises `RegistryError` naming those that there are when it is none of them."""
    found = {str(version.version): version for version in versions(registry, name)}
    if number not in found:
        raise RegistryError(f"{name} has no version {number!r}; it has {', '.join(found)}")
    return found[number]


@contextlib.contextmanager
def downloaded(registry: "MlflowClient", model_uri: str) -> Iterator[Bundle]:
    """The bundle of a registered version, in a temporary folder, its hashes checked.

    Nothing of the version is executed.

    Raises:
        RegistryError: there is no such version or the registry cannot be reached.
        BundleError: what is registered there is not a bundle of ours, or not the one that was registered.
    """
    with downloaded_model(registry, model_uri) as folder:
        yield checked_bundle(folder, model_uri, _registered_fingerprint(registry, model_uri))


@contextlib.contextmanager
def downloaded_model(registry: "MlflowClient", model_uri: str) -> Iterator[Path]:
    """All files of a registered version, in a temporary folder; see `downloaded` and `check_source`."""
    import tempfile

    import mlflow
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            # what was checked is what is fetched, whatever the registry says when it is asked again
            source = resolved_source(model_uri)
            check_source(model_uri, source, registry.tracking_uri)
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=source, dst_path=folder, tracking_uri=registry.tracking_uri
            )
        except (MlflowException, OSError) as error:
            message = " ".join(str(getattr(error, "message", error)).split())
            raise RegistryError(f"{model_uri} cannot be fetched from {registry.tracking_uri}: {message}") from error
        yield Path(path)


def checked_bundle(folder: Path, model_uri: str, registered: str = "") -> Bundle:
    """The bundle among the files of a version, its hashes checked; see `downloaded`.

    `registered` is the fingerprint that the version is tagged with, if that is known.
    """
    found = sorted(folder.rglob(DESCRIPTION))
    if len(found) != 1:
        raise RegistryError(f"{model_uri} holds {len(found)} bundles, exactly one is expected: it is not ours")
    bundle = load_bundle(found[0].parent)
    if registered and bundle.fingerprint != registered:
        raise BundleError(
            f"{model_uri} holds bundle {bundle.fingerprint[:12]}, and {registered[:12]} was registered: it is not ours"
        )
    return bundle


def _registered_fingerprint(registry: "MlflowClient", model_uri: str) -> str:
    """What the version of `models:/NAME@ALIAS` or `models:/NAME/NUMBER` is tagged with; empty where nothing is."""
    name, at, alias = model_uri.removeprefix("models:/").partition("@")
    if at:
        found = version_by_alias(registry, name, alias)
    else:
        name, _, number = name.partition("/")
        found = registry.get_model_version(name, number) if number.isdigit() else None
    return "" if found is None else str(found.tags.get(BUNDLE_TAG, ""))


def _cause(message: str) -> str:
    """The innermost reason of a failed request."""
    for part in ("Read timed out", "Connection refused", "Name or service not known", "Connection aborted"):
        if part in message:
            return part.lower()
    return message.partition("failed with ")[2][:200]
