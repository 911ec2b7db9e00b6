"""Where a run keeps things; none of it decides the bytes of a result."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from kws_core.errors import ConfigError
from kws_core.store import Store

PASSWORD_SOURCES = {
    "the store": "the usual variables of AWS",
    "MLflow": "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or what the database's client reads (PGPASSWORD)",
}


class Places(BaseModel):
    """Store, registry and local folders of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: Path
    """Local folder for the report, the cache of features and the default store and registry."""
    store_url: str
    """A folder or `s3://bucket/prefix`."""
    tracking_uri: str
    """MLflow: `sqlite:///…` or the URL of a server."""

    @classmethod
    def in_workspace(cls, workspace: Path, store_url: str = "", tracking_uri: str = "") -> "Places":
        """Everything below one folder, but for what is given; raises `ConfigError` when an address has a password."""
        workspace = workspace.resolve()
        _check_no_password("the store", store_url)
        _check_no_password("MLflow", tracking_uri)
        return cls(
            workspace=workspace,
            store_url=store_url or str(workspace / "store"),
            tracking_uri=tracking_uri or f"sqlite:///{workspace / 'mlflow.db'}",
        )

    def store(self) -> Store:
        """Open the store."""
        return Store(self.store_url)

    @property
    def cache(self) -> Path:
        """Memory-mapped features; safe to delete."""
        return self.workspace / "cache"


def _check_no_password(what: str, address: str) -> None:
    """Addresses are shown, logged and stored; secrets come from the environment only."""
    if "://" in address and urlsplit(address).password is not None:
        host = urlsplit(address).netloc.rpartition("@")[2]
        raise ConfigError(
            f"the address of {what} at {host!r} has a password in it: leave it out and set {PASSWORD_SOURCES[what]}"
        )
