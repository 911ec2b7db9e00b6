"""The refit on several workers of Ray Train: the encoder of one, through killed workers and drivers."""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from in_this_process import in_this_process, without_ray
from pydantic import ValidationError
from refit_run import SPEAKERS, WORDS, Run, experiment_of, start
from safetensors.numpy import load

from kws_core.config import Experiment, RefitConfig
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, SEGMENTS
from kws_core.segments import STAGE, VERSION
from kws_core.store import Store
from tasks.featurise import featurise
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.refit import CHECKPOINT, KIND, ONNX, WEIGHTS, on_gpus
from tasks.select import select
from tasks.training_input import TrainingInput

TWO = {"min_workers": 1, "max_workers": 2}
WORKER = "ray::RayTrainWorker"
LONG = {"epochs": 80, "batch_size": 7, "optimizer": "sgd", "learning_rate": 1e-4}


def tones(store: Store) -> PartOutput:
    """Segments of three words, each a tone in noise, of some speakers."""
    rng = np.random.default_rng(0)
    rows = []
    for speaker in range(SPEAKERS):
        for word, frequency in WORDS.items():
            pcm = rng.normal(scale=600, size=16_000)
            tone = np.sin(2 * np.pi * frequency * rng.uniform(0.8, 1.2) * np.arange(8000) / 16_000)
            pcm[4000:12000] += 3000 * tone
            name = f"{speaker}-{word}"
            times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.25, "word_end_s": 0.75}
            origin = {"corpus": "words", "speaker_id": f"speaker-{speaker}", "source": name, "licence": "CC0-1.0"}
            sound = {"audio": pcm.astype("<i2").tobytes(), "score": 0.0, "rms": 0.1}
            rows.append({"segment_id": name, "utterance_id": name, "label": word, **times, **origin, **sound})
    return PartOutput(pa.Table.from_pylist(rows, schema=SEGMENTS), QUARANTINE.empty_table())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A workspace with features, selection and pair lists of tones in noise, and their fingerprints."""
    experiment = Experiment.model_validate(experiment_of())
    places = Places.in_workspace(tmp_path_factory.mktemp("tones"))
    with pytest.MonkeyPatch.context() as patch:
        without_ray(patch)
        jobs = [Job("tones", "words", tones)]
        segments = make_dataset(places.store(), STAGE, VERSION, jobs, run=in_this_process).fingerprint
        features = featurise.fn(places, experiment, segments)
        selection, pairs = select.fn(places, experiment, segments)
    given = TrainingInput(features=features, selection=selection, pairs=pairs)
    return places.workspace, given.model_dump()


def begin(data: tuple[Path, dict[str, str]], folder: Path, refit: dict[str, int], **sections: Any) -> Run:
    """A refit on a copy of the store."""
    prepared, given = data
    if not (folder / "store").exists():
        shutil.copytree(prepared / "store", folder / "store")
    return start(folder, str(folder / "store"), experiment_of(refit=refit, **sections), given)


def encoder(store: Store, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    key = (folder / "key").read_text()
    assert store.has_object(KIND, key, ONNX)
    document = store.read_document(KIND, key)
    assert document is not None
    return load(store.read_object(KIND, key, WEIGHTS)), document


def assert_same_encoder(one: tuple[dict[str, np.ndarray], dict[str, Any]], two: Any, tolerance: float = 1e-4) -> None:
    assert one[0].keys() == two[0].keys()
    for name, value in one[0].items():
        np.testing.assert_allclose(two[0][name], value, atol=tolerance, rtol=tolerance, err_msg=name)
    losses = [[epoch["loss"] for epoch in document["history"]] for _, document in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=tolerance)


def progress(folder: Path) -> int:
    """Epochs that are stored, 0 before the first."""
    found = list((folder / "store" / "documents" / "progress").glob("[!.]*.json"))
    return int(json.loads(found[0].read_text())["epoch"]) if found else 0


def wait_for_epoch(run: Run, folder: Path, epoch: int, timeout_s: float = 500) -> None:
    deadline = time.monotonic() + timeout_s
    while progress(folder) < epoch:
        assert run.process.poll() is None, run.process.communicate()[0]
        assert time.monotonic() < deadline, f"epoch {epoch} was not reached"
        time.sleep(0.05)


@pytest.mark.slow  # tests/kws_core/training/test_distributed.py compares every step
def test_two_workers_make_the_encoder_of_one(data: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    found = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        run = begin(data, folder, {"min_workers": workers, "max_workers": workers})
        seen: set[int] = set()
        while run.process.poll() is None:
            seen |= set(run.processes(WORKER))
            time.sleep(0.2)
        run.wait()
        assert len(seen) == (workers if workers > 1 else 0), "one worker needs no Ray Train"
        found.append(encoder(Store(str(folder / "store")), folder))
    assert (tmp_path / "1" / "key").read_text() == (tmp_path / "2" / "key").read_text()
    assert_same_encoder(*found)


def test_configuration_of_the_refit() -> None:
    assert RefitConfig() == RefitConfig(min_workers=1, max_workers=1, cpus_per_worker=0, gpus_per_worker=None)
    with pytest.raises(ValidationError, match=r"min_workers \(3\) cannot exceed max_workers \(2\)"):
        RefitConfig(min_workers=3, max_workers=2)
    with pytest.raises(ValidationError, match="gpus_per_worker"):
        RefitConfig.model_validate({"gpus_per_worker": 0.5})


@pytest.mark.parametrize(
    ("trial", "worker", "gpus"), [(0, None, False), (0.5, None, True), (0.5, 0, False), (0, 1, True)]
)
def test_where_the_refit_runs(trial: float, worker: int | None, gpus: bool) -> None:
    plain = experiment_of(search={"gpus_per_trial": trial}, refit={"gpus_per_worker": worker})
    assert on_gpus(Experiment.model_validate(plain)) is gpus


@pytest.mark.slow
def test_what_cannot_be_is_one_sentence(data: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """A machine without the CPUs, and a batch smaller than the workers: that one is not tried again."""
    run = begin(data, tmp_path / "room", {"min_workers": 1000, "max_workers": 1000})
    assert (
        run.process.communicate(timeout=300)[0]
        .splitlines()[-1]
        .startswith("refit.min_workers = 1000 workers need 1000 CPUs, and this machine has")
    )
    run.kill()
    diverging = {"training": {**LONG, "learning_rate": 1e30}}
    run = begin(data, tmp_path / "diverging", {"min_workers": 2, "max_workers": 2}, **diverging)
    seen: set[int] = set()
    while run.process.poll() is None:
        seen |= set(run.processes(WORKER))
        time.sleep(0.2)
    said = run.process.communicate()[0].splitlines()[-1]
    run.kill()
    assert "lower training.learning_rate (1e+30)" in said
    assert len(seen) == 2


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_driver_change_nothing(data: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    begin(data, undisturbed, {}, training=LONG).wait()
    expected = encoder(Store(str(undisturbed / "store")), undisturbed)
    assert len(expected[1]["history"]) == LONG["epochs"]

    folder = tmp_path / "disturbed"
    run = begin(data, folder, TWO, training=LONG)
    wait_for_epoch(run, folder, 5)
    first = run.processes(WORKER)
    assert len(first) == 2
    os.kill(first[1], signal.SIGKILL)
    killed_at = progress(folder)
    started = time.monotonic()
    wait_for_epoch(run, folder, killed_at + 5)
    print(f"\na killed worker cost {time.monotonic() - started:.1f} s until five epochs more were done")
    second = run.processes(WORKER)
    assert first[1] not in second
    assert second

    wait_for_epoch(run, folder, 20)
    run.kill()
    stopped = progress(folder)
    assert 20 <= stopped < LONG["epochs"]
    assert list((folder / "store" / "objects" / KIND).glob(f"*/{CHECKPOINT}"))
    run = begin(data, folder, TWO, training=LONG)
    while progress(folder) == stopped and run.process.poll() is None:
        time.sleep(0.02)
    assert stopped < progress(folder)
    run.wait()
    assert_same_encoder(expected, encoder(Store(str(folder / "store")), folder), tolerance=2e-3)  # after 240 steps


@pytest.mark.slow
def test_checkpoints_and_encoder_on_s3(data: tuple[Path, dict[str, str]], s3_url: str, tmp_path: Path) -> None:
    prepared, given = data
    there = Store(f"{s3_url}/store")
    local = Store(str(prepared / "store"))
    for name in (name for room in ("parts", "manifests", "documents") for name in local.files.names(room)):
        there.files.write(name, local.files.read(name))
    start(tmp_path, there.url, experiment_of(refit=TWO), given).wait()
    _, document = encoder(there, tmp_path)
    assert len(document["history"]) == 3
    assert there.has_object(KIND, (tmp_path / "key").read_text(), CHECKPOINT)
