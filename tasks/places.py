"""Where a run keeps things; none of it decides the bytes of a result."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kws_core.store import Store


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
        """Everything below one folder, but for what is given."""
        workspace = workspace.resolve()
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
