"""A node that is lost while features are computed: the others make its parts, with the same bytes."""

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cluster import ray_cluster
from experiments import Finished, kill_run, start, tiny_experiment, write_preset
from store_files import dataset_files, part_keys

from kws_core.config import Experiment
from kws_core.manifest import Part
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, SEGMENTS
from kws_core.segments import STAGE, VERSION
from kws_core.store import Store
from tasks.featurise import featurise
from tasks.parts import Job, make_dataset, make_part
from tasks.places import Places

PARTS, ROWS = 6, 40
COPIES = 5
"""Renderings of every segment: a part takes about a second, so that nodes are lost in the middle of one."""
EXPERIMENT = tiny_experiment(features_stage={"copies": COPIES}, augmentation={"waveform": {"noise_share": 1.0}})


class NoiseSegments:
    """One part of segments: noise."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, store: Store) -> PartOutput:
        import pyarrow as pa

        rng = np.random.default_rng(self._number)
        rows = []
        for row in range(ROWS):
            name = f"{self._number}-{row}"
            times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.25, "word_end_s": 0.75}
            origin = {"corpus": "demo", "speaker_id": f"s{self._number}", "source": name, "licence": "CC0-1.0"}
            sound = {"audio": rng.normal(scale=900, size=16_000).astype("<i2").tobytes(), "score": 0.0, "rms": 0.1}
            rows.append({"segment_id": name, "utterance_id": name, "label": "word", **times, **origin, **sound})
        return PartOutput(pa.Table.from_pylist(rows, schema=SEGMENTS), QUARANTINE.empty_table())


def run_in_this_process(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    for job in jobs:
        yield make_part(store.url, stage, job)


@pytest.mark.slow
def test_a_node_lost_while_features_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = write_preset(tmp_path / "copies.yaml", EXPERIMENT)
    expected, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    jobs = [Job(f"noise{number}", "demo", NoiseSegments(number)) for number in range(PARTS)]
    places = Places.in_workspace(expected)
    segments = make_dataset(places.store(), STAGE, VERSION, jobs, run=run_in_this_process).fingerprint
    shutil.copytree(expected / "store", disturbed / "store")
    monkeypatch.setattr("tasks.featurise.run_on_ray_data", run_in_this_process)
    featurise.fn(places, Experiment.model_validate(EXPERIMENT), segments)

    with ray_cluster(1, head_cpus=1) as cluster:
        script = Path(__file__).with_name("featurise_stage.py")
        command = [sys.executable, str(script), str(preset), str(disturbed), segments]
        run = start(command, tmp_path, cluster.env)
        try:
            deadline = time.monotonic() + 300
            while not (part_keys(disturbed / "store", "features") and cluster.busy_workers()):
                assert run.process.poll() is None, run.stderr.read_text()
                assert time.monotonic() < deadline, "no part was made"
                time.sleep(0.02)
            (worker,) = cluster.busy_workers()
            cluster.lose(worker)
            made = len(part_keys(disturbed / "store", "features"))
            assert made < PARTS
            lost = time.monotonic()
            status = run.process.wait(300)
        finally:
            kill_run(run)
        finished = Finished(status, run.stdout.read_text(), run.stderr.read_text(), time.monotonic() - lost)
    assert finished.status == 0, finished.stderr
    assert f"{PARTS} computed" in finished.lines()["features"][-1]
    assert dataset_files(disturbed / "store") == dataset_files(expected / "store")
