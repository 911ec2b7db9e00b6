"""Where the files of a registered version may lie: what a registry names must not reach beyond its own artifacts."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from kws_core.errors import RegistryError

SERVED = "mlflow-artifacts"
BUCKETS = frozenset({"abfss", "gs", "s3", "wasbs"})
"""Schemes of stores that ask for credentials of their own."""
LOCAL = frozenset({"", "file"})


def resolved_source(model_uri: str) -> str:
    """Where MLflow says that the files of `models:/…` lie: the address of a folder, no `models:/` any more.

    Raises:
        RegistryError: versions refer to each other without end.
    """
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

    source = model_uri
    for _ in range(4):
        if not source.startswith("models:"):
            return source
        source = str(ModelsArtifactRepository.get_underlying_uri(source))
    raise RegistryError(f"{model_uri} leads from one version to the next and to no files")


def check_source(model_uri: str, source: str, tracking_uri: str) -> None:
    """Refuse a source that a registry should not send anybody to.

    A registry over HTTP serves its artifacts or names a bucket: another server would be given the login of MLflow,
    and a path would be read on this machine. One that is a database on this machine may name a folder here.

    Raises:
        RegistryError: the source has `..` in it or lies elsewhere, or its folder links to something outside.
    """
    scheme, host, path = _parts(source)
    if ".." in path.split("/"):
        raise _refused(model_uri, source, "has .. in it")
    if scheme in BUCKETS or (scheme == SERVED and not host):
        return
    remote = urlsplit(tracking_uri)
    if scheme == SERVED and host == remote.netloc:
        return
    if scheme not in LOCAL:
        raise _refused(model_uri, source, "is none of the artifacts of its registry")
    if remote.scheme in ("http", "https"):
        raise _refused(model_uri, source, f"is a folder of this machine, and the registry is {tracking_uri}")
    if host not in ("", "localhost"):
        raise _refused(model_uri, source, "is on another machine")
    folder = Path(path)
    for found in sorted(folder.rglob("*")):
        if found.is_symlink() and not found.resolve().is_relative_to(folder.resolve()):
            raise _refused(model_uri, source, f"has a link to outside, {found.relative_to(folder)}")


def _parts(source: str) -> tuple[str, str, str]:
    """Scheme, host and path, decoded as often as somebody may decode them."""
    split = urlsplit(source)
    path, before = split.path, ""
    while path != before:
        path, before = unquote(path), path
    return split.scheme, split.netloc, path.replace("\\", "/")


def _refused(model_uri: str, source: str, why: str) -> RegistryError:
    accepted = "artifacts that the registry serves, a bucket, or a folder of a registry on this machine is accepted"
    return RegistryError(f"{model_uri} is refused: its source {source} {why}; {accepted}")
