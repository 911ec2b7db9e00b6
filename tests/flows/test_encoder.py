"""An encoder for enrolment, from the recordings of the tiny experiment to a word enrolled with what was registered."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from experiments import Finished, FullRun, run_kws, tiny_experiment, write_preset

from kws_core.bundle import COHORT, ENCODER, WEIGHTS, load_bundle
from kws_core.corpora.espeak import Synthesizer
from kws_core.onnx_encoder import OnnxEncoder

NAME = "tiny-encoder"
REGISTRY_FACTS = Path(__file__).with_name("registered_encoder.py")


@pytest.fixture(scope="module")
def folder(full_run: FullRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a copy of the full run's store: everything up to the segments is there, and the full run stays as it is."""
    made = tmp_path_factory.mktemp("encoder")
    shutil.copytree(full_run.store, made / "store")
    return made


@pytest.fixture(scope="module")
def retrained(folder: Path, prefect_server: dict[str, str]) -> Finished:
    """Trained on waveforms."""
    tiny = tiny_experiment()
    experiment = {
        **{section: tiny[section] for section in ("corpora", "ingest", "segments")},
        "name": NAME,
        "purpose": "enrolment",
        "selection": {**tiny["selection"], "keywords": []},
        "loss": {"name": "supervised_contrastive"},
        "sampling": {"name": "episodes", "classes_per_batch": 8, "samples_per_class": 2},
        "training": {
            "input": "waveforms",
            "epochs": 1,
            "max_steps_per_epoch": 8,
            "ema_decay": 0.5,
            "repeats": {"demo": 2},
        },
        "augmentation": {"waveform": {"noise_share": 0.5, "reverberation_share": 0.3, "speed_share": 0.3}},
        "search": {"trials": 0, "encoders": [{"name": "resnet", "widths": [8, 16], "embedding_dim": 16}]},
        "export": {"weights": "float16"},
        "gate": {"max_frr": 1.0},
    }
    preset = write_preset(folder / "encoder.yaml", experiment)
    arguments = ("--preset", preset, "--store", (folder / "store").as_uri())
    return run_kws("retrain", *arguments, cwd=folder, timeout_s=200, env=prefect_server)


@pytest.fixture(scope="module")
def bundle(retrained: Finished, folder: Path) -> Path:
    assert retrained.status == 0, retrained.stderr
    (found,) = (path for path in (folder / "runs" / NAME / "bundles").iterdir() if path.name[0] != ".")
    return found


def test_every_stage_says_what_it_did(retrained: Finished, bundle: Path) -> None:
    lines = retrained.lines()
    assert (
        "no trials: resnet, learning rate 1.0e-03, supervised_contrastive has no scale and no margin as given"
        in (lines["search"][0])
    )
    assert lines["bundle"][0].startswith("0 keywords")
    assert "FRR at FAR 2 % on out-of-vocabulary trials" in lines["gate"][0]
    assert "promoted" in lines["gate"][0]


def test_the_bundle_holds_an_encoder_in_half_precision_and_a_cohort(bundle: Path) -> None:
    opened = load_bundle(bundle)
    assert opened.description.keywords == ()
    assert set(opened.description.files) == {ENCODER, WEIGHTS, COHORT}
    kinds = {name: array.dtype for name, array in opened.tensors(WEIGHTS).items()}
    assert {kind for name, kind in kinds.items() if "num_batches" not in name} == {np.dtype(np.float16)}
    assert "out_of_vocabulary.eer" in opened.description.metrics


def test_the_registered_model_embeds_as_the_bundle_does(bundle: Path, folder: Path, tmp_path: Path) -> None:
    windows = np.random.default_rng(0).normal(0, 0.1, (2, 16000)).astype(np.float32)
    np.save(tmp_path / "pcm.npy", windows)
    tracking_uri = f"sqlite:///{folder / 'runs' / NAME / 'mlflow.db'}"
    command = [sys.executable, str(REGISTRY_FACTS), tracking_uri, NAME, str(tmp_path / "pcm.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    served = np.array(json.loads(done.stdout.splitlines()[-1]))
    assert served == pytest.approx(OnnxEncoder(load_bundle(bundle).encoder_path).embed(windows), abs=1e-6)


def test_a_word_is_enrolled_with_the_champion(bundle: Path, folder: Path) -> None:
    soundfile.write(folder / "marvin.wav", Synthesizer().synthesize("marvin", "en-us+m1").pcm16, 16000)
    tracking_uri = f"sqlite:///{folder / 'runs' / NAME / 'mlflow.db'}"
    where = ("--bundle", f"models:/{NAME}@champion", "--tracking-uri", tracking_uri, "--out", "own", "--far", "0.05")
    finished = run_kws("enrol", "marvin", "marvin.wav", *where, cwd=folder, timeout_s=90)
    assert finished.status == 0, finished.stderr
    assert load_bundle(folder / "own").description.keywords == ("marvin",)


@pytest.mark.slow
def test_a_retrain_fine_tunes_the_champion(full_run: FullRun, prefect_server: dict[str, str], tmp_path: Path) -> None:
    settings = {
        "strategy.name": "fine_tune",
        "strategy.bundle": "models:/tiny@champion",
        "training.epochs": "1",
        "training.learning_rate": "0.0001",
        "search.trials": "0",
    }
    arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    # copies, so that the full run stays as it is
    shutil.copytree(full_run.store, tmp_path / "store")
    shutil.copy(full_run.workspace / "mlflow.db", tmp_path / "mlflow.db")
    where = ("--workspace", tmp_path, "--store", (tmp_path / "store").as_uri())
    finished = run_kws(
        "retrain", "--preset", full_run.preset, *where, *arguments, cwd=tmp_path, timeout_s=300, env=prefect_server
    )
    assert finished.status == 0, finished.stderr
    assert "version 2" in finished.lines()["register"][0]
    before = load_bundle(full_run.bundle).tensors(WEIGHTS)
    (made,) = (path for path in (tmp_path / "bundles").iterdir() if path.name[0] != ".")
    after = load_bundle(made).tensors(WEIGHTS)
    moved = max(
        float(np.abs(after[name] - before[name]).max()) for name in before if name.endswith("projection.weight")
    )
    assert 0 < moved < 0.05
