"""`kws spot`: a model found by folder or registry address, at work on recordings."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from kws_core.audio import decode_file, pcm16_to_float
from kws_core.bundle import Bundle, load_bundle
from kws_core.errors import ConfigError
from kws_core.spotter import Spotter
from kws_core.universal import universal_bundle_path

UNIVERSAL = "universal"
"""What the encoder bundle of the package is called; a folder of that name is `./universal`."""


def print_detections(recordings: list[Path], model: str, tracking_uri: str, json_lines: bool) -> None:
    """Search every recording and print what was found, as a table or as JSON lines."""
    with open_bundle(model, tracking_uri) as bundle:
        spotter = Spotter(bundle)
    rows = []
    for recording in recordings:
        for detection in spotter.detect(pcm16_to_float(decode_file(recording))):
            rows.append({"recording": str(recording), **asdict(detection)})
    if json_lines:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table("recording", "keyword", "start s", "end s", "score", box=None)
    for row in rows:
        times = [f"{row[name]:.2f}" for name in ("start_s", "end_s", "score")]
        table.add_row(str(row["recording"]), str(row["keyword"]), *times)
    Console().print(table if rows else "no keyword found")


@contextlib.contextmanager
def open_bundle(model: str, tracking_uri: str) -> Iterator[Bundle]:
    """The bundle of a folder, of `models:/NAME@ALIAS` in the registry, or the `universal` one of the package.

    Raises:
        ConfigError: a registry address without a tracking URI.
        BundleError: it is missing, damaged or not ours.
        RegistryError: it cannot be fetched.
    """
    if not model.startswith("models:/"):
        yield load_bundle(universal_bundle_path() if model == UNIVERSAL else Path(model))
        return
    from tasks import registry

    name = model.removeprefix("models:/").split("@")[0].split("/")[0]
    with registry.downloaded(registry.client(tracking_uri or registry_of(name)), model) as bundle:
        yield bundle


def registry_of(name: str) -> str:
    """The registry in the workspace that `kws retrain` makes by default; raises `ConfigError` when it is not there."""
    database = Path("runs") / name / "mlflow.db"
    if not database.exists():
        raise ConfigError(f"{name}: no registry at {database}; give --tracking-uri or set MLFLOW_TRACKING_URI")
    return f"sqlite:///{database.resolve()}"
