"""A retrain that streams its training rows from label-bucketed parts, by the real command."""

import json
import shutil
from pathlib import Path

import pytest
from experiments import NAME, FullRun, run_kws, tiny_experiment, write_preset
from store_files import store_files

from kws_core.bundle import load_bundle
from kws_core.streaming import STAGE

WINDOWS = {"features": {"window_mib": 1.5, "shard_mib": 0.6}, "waveforms": {"window_mib": 6.0, "shard_mib": 2.4}}
"""Smaller than the training rows, so that an epoch goes through several windows."""
ROW_BYTES = {"features": 99 * 40 * 2, "waveforms": 16_000 * 2}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["features", "waveforms"])
def test_a_retrain_streams_its_rows(
    kind: str, full_run: FullRun, tmp_path: Path, prefect_server: dict[str, str]
) -> None:
    workspace = tmp_path / "runs" / NAME
    # recordings, alignments and features are those of the full run
    shutil.copytree(full_run.store, workspace / "store")
    before = store_files(workspace / "store")
    stream = {**WINDOWS[kind], "label_groups": 4}
    training = {"epochs": 2, "batch_size": 16, "input": kind, "data": "stream", "stream": stream}
    preset = write_preset(tmp_path / "tiny.yaml", tiny_experiment(training=training))
    finished = run_kws("retrain", "--preset", preset, cwd=tmp_path, timeout_s=400, env=prefect_server)
    assert finished.status == 0, finished.stderr

    after = store_files(workspace / "store")
    added = after.keys() - before.keys()
    # and what a new model is judged by
    assert {name.split("/")[1] for name in added if name.startswith("parts/")} == {STAGE, "embeddings", "windows"}
    (manifest,) = (workspace / "store" / "manifests" / STAGE).glob("*.json")
    described = [json.loads(path.read_text()) for path in (workspace / "store" / "parts" / STAGE).glob("*.json")]
    assert len(described) == len(json.loads(manifest.read_text())["parts"]) > 4
    size_mib = sum(part["rows"] for part in described) * ROW_BYTES[kind] / 2**20
    assert size_mib > stream["window_mib"], "everything fits into one window"
    (bundle,) = (path for path in (workspace / "bundles").iterdir() if not path.name.startswith("."))
    assert load_bundle(bundle).description.datasets["buckets"] == manifest.stem
