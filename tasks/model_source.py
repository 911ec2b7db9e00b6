"""Models of an MLflow registry for the library: what `models:/…` means to `kws_core.Spotter.load`."""

import os
import shutil
from pathlib import Path

from kws_core.errors import ConfigError, RegistryError


def fetch_model(address: str, folder: Path) -> Path:
    """Bring the bundle of `models:/NAME@ALIAS` or `models:/NAME/VERSION` into a folder, its hashes checked.

    The registry is that of `MLFLOW_TRACKING_URI`, or the one in the workspace `runs/NAME`.

    Raises:
        RegistryError: MLflow is not installed, or the version cannot be fetched.
        ConfigError: nothing says which registry is meant.
        BundleError: what is registered there is not a bundle of ours.
    """
    try:
        import mlflow  # noqa: F401 - what follows needs it

        from tasks import registry
    except ImportError as error:
        raise RegistryError(
            f"{address}: a registry needs MLflow, and {error.name} is not installed: "
            "pip install 'kws-foundry[pipeline]'"
        ) from error
    name = address.removeprefix("models:/").split("@")[0].split("/")[0]
    tracking_uri = os.environ.get("MLFLOW_TRACKING_URI") or registry_of(name)
    with registry.downloaded(registry.client(tracking_uri), address) as bundle:
        place = folder / "bundle"
        shutil.copytree(bundle.folder, place)
    return place


def registry_of(name: str) -> str:
    """The registry in the workspace that `kws retrain` makes by default; raises `ConfigError` when it is not there."""
    database = Path("runs") / name / "mlflow.db"
    if not database.exists():
        raise ConfigError(f"{name}: no registry at {database}; give --tracking-uri or set MLFLOW_TRACKING_URI")
    return f"sqlite:///{database.resolve()}"
