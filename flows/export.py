"""`kws export`: the encoder of a model for devices."""

import json
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from flows.spot import open_bundle
from kws_core.atomic_file import write_atomically
from kws_core.config import FeaturesConfig

TABLE = "export.json"


def export_model(model: str, out: Path, trials: Path | None, tracking_uri: str) -> None:
    """Write every form of the encoder, and print what each weighs, costs and loses.

    Raises:
        BundleError: the model is missing, damaged or not ours.
        CorpusError: the recordings cannot be used.
    """
    from kws_core.evaluation.det import eer
    from kws_core.evaluation.recordings import read_recordings
    from kws_core.onnx_export.device_models import device_models, least_cosine, noise_windows

    with open_bundle(model, tracking_uri) as bundle:
        description, content = bundle.description, bundle.encoder_path.read_bytes()
    recordings = None if trials is None else read_recordings(trials, description.keywords)
    models = device_models(content, FeaturesConfig.model_validate(description.features))
    windows = noise_windows() if recordings is None else recordings.windows(range(recordings.selection.num_rows))
    rows, reference = [], models[0].encoder.embed(windows)
    for one in models:
        write_atomically(out / one.file, one.content)
        found = one.encoder.embed(windows)
        row = {
            "file": one.file,
            "bytes": len(one.content),
            "multiplies": one.multiplies,
            "least_cosine": round(least_cosine(found, reference), 6),
        }
        if recordings is not None:
            left, right = (found[recordings.pairs[side].to_numpy()] for side in ("left", "right"))
            same = recordings.pairs["same"].to_numpy(zero_copy_only=False)
            row["eer"] = round(eer(np.einsum("nd,nd->n", left, right), same), 6)
        rows.append(row)
    heard = "64 windows of noise" if recordings is None else f"{len(windows)} recordings of {recordings.name}"
    write_atomically(out / TABLE, json.dumps({"compared_on": heard, "models": rows}, indent=2).encode() + b"\n")
    _print(rows, heard)
    typer.echo(f"written to {out}")


def _print(rows: list[dict[str, object]], heard: str) -> None:
    has_eer = "eer" in rows[0]
    table = Table("file", "bytes", "multiplies", *(["EER"] if has_eer else []), "least cosine to the first", box=None)
    for row in rows:
        figures = [f"{row['bytes']:,}", f"{row['multiplies']:,}"]
        figures += [f"{row['eer']:.2%}"] if has_eer else []
        table.add_row(str(row["file"]), *figures, f"{row['least_cosine']:.5f}")
    Console().print(table)
    typer.echo(f"measured on {heard}; multiplies are of a window, of encoder.streaming.onnx of a hop of 80 ms")
