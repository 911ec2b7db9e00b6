"""The whole line by the real command, once; then what it left behind, and what a second run does."""

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from experiments import (
    KEYWORDS,
    NAME,
    OTHER_KEYWORDS,
    SPEAKERS,
    Finished,
    FullRun,
    run_kws,
    tiny_experiment,
)
from registry_json import registry_json
from store_files import part_keys, store_files

from kws_core.bundle import load_bundle
from kws_core.config import Experiment
from kws_core.spotter import Spotter
from tasks.places import Places

# Ray Data sets its own deprecated settings when it copies them
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")
DATA_STAGES = ("utterances", "words", "segments", "features")
STAGES = (*DATA_STAGES, "selection", "pairs", "search", "refit", "bundle", "register", "gate", "report")
RERUN_LIMIT_S = 40.0
"""On a shared machine; an idle one needs less than 25 s."""


@pytest.fixture(scope="module")
def recording(full_run: FullRun) -> Path:
    path = full_run.folder / "recording.wav"
    finished = run_kws("demo-recording", path, "--seed", "3", cwd=full_run.folder, timeout_s=60)
    assert finished.status == 0, finished.stderr
    return path


@pytest.fixture(scope="module")
def windows(recording: Path) -> np.ndarray:
    """Two windows `[2, 16000]`, float32, of the recording."""
    pcm, _ = soundfile.read(recording, dtype="float32")
    return np.stack([pcm[:16000], pcm[48000:64000]])


@pytest.fixture(scope="module")
def registry(full_run: FullRun, windows: np.ndarray) -> dict[str, Any]:
    np.save(full_run.folder / "pcm.npy", windows)
    return registry_json(full_run.tracking_uri, NAME, full_run.folder, full_run.folder / "pcm.npy")


@pytest.fixture(scope="module")
def rerun(full_run: FullRun) -> tuple[Finished, dict[str, Any], dict[str, Any]]:
    """The same command again, with what lay in the store before and after."""
    before = store_files(full_run.store)
    finished = run_kws("retrain", "--preset", full_run.preset, cwd=full_run.folder, timeout_s=200)
    assert finished.status == 0, finished.stderr
    return finished, before, store_files(full_run.store)


@pytest.fixture(scope="module")
def data_stages() -> Iterator[Any]:
    """The stages up to `select` in this process, on a local Ray."""
    from data_stages import make_data

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        yield make_data
    import ray

    ray.shutdown()


def test_every_stage_says_what_it_did_and_the_summary_what_was_delivered(full_run: FullRun) -> None:
    lines = full_run.finished.lines()
    assert set(STAGES) <= set(lines)
    for stage in DATA_STAGES:
        assert "4 parts, 4 computed" in lines[stage][0]
    summary = full_run.finished.stderr.split("measured on test speakers")[-1]
    for told in (full_run.bundle, full_run.workspace / "report.html", full_run.tracking_uri):
        assert str(told) in summary
    assert re.search(rf"^{NAME} 1 +promoted: ", summary, re.MULTILINE)
    (figure,) = re.findall(r"^ *svm: target accuracy +([\d.]+) %", summary, re.MULTILINE)
    measured = load_bundle(full_run.bundle).description.metrics["svm.target_accuracy"]
    assert float(figure) == pytest.approx(100 * measured, abs=1)
    print(f"full run: {full_run.finished.seconds:.1f} s")


def test_the_terminal_shows_no_log_of_the_machinery(full_run: FullRun) -> None:
    # Ray Data's own actors always draw this line from Ray's C++ core, which offers no switch for it alone
    lines = [line for line in full_run.finished.stderr.splitlines() if "ray/issues/53727" not in line]
    for word in ("prefect", "core_worker", "Warning", "warning", "Traceback", "INFO", "ERROR", "alembic"):
        assert not [line for line in lines if word in line]
    assert full_run.finished.stdout == ""


def test_one_version_is_challenger_and_champion(full_run: FullRun, registry: dict[str, Any]) -> None:
    assert list(registry["versions"]) == ["1"]
    assert registry["aliases"] == {"challenger": "1", "champion": "1"}
    version = registry["versions"]["1"]
    assert version["tags"]["kws.bundle"] == load_bundle(full_run.bundle).fingerprint
    assert "within" in version["tags"]["kws.decision"]


def test_one_run_of_the_search_with_a_nested_run_for_each_trial(registry: dict[str, Any]) -> None:
    runs = registry["runs"]
    ((search, parent),) = ((key, run) for key, run in runs.items() if run["tags"].get("kws.kind") == "search")
    assert parent["tags"]["kws.search"] == runs[registry["versions"]["1"]["run"]]["tags"]["kws.search"]
    assert parent["metrics"]["trials_finished"] == 2
    assert (parent["params"]["scheduler"], parent["artifacts"]) == ("asha", ["search.json"])
    trials = [run for run in runs.values() if run["tags"].get("mlflow.parentRunId") == search]
    assert sorted(run["tags"]["kws.search_trial"] for run in trials) == ["0", "1"]
    assert {run["tags"]["kws.search_state"] for run in trials} == {"finished"}
    varied = {"loss.scale", "loss.margin", "training.learning_rate", "encoder"}
    assert all(varied == set(run["params"]) for run in trials)
    assert all({"development_eer", "development_frr", "loss"} == set(run["metrics"]) for run in trials)


def test_one_run_of_the_version(full_run: FullRun, registry: dict[str, Any]) -> None:
    runs = registry["runs"]
    assert all(run["status"] == "FINISHED" for run in runs.values())
    (facts,) = (run for run in runs.values() if "kws.bundle" in run["tags"])
    assert facts == runs[registry["versions"]["1"]["run"]]
    bundle = load_bundle(full_run.bundle)
    datasets = {name: facts["tags"][f"kws.dataset.{name}"] for name in bundle.description.datasets}
    assert datasets == bundle.description.datasets
    assert set(datasets) == {"segments", "features", "selection", "pairs"}
    for name, fingerprint in datasets.items():
        assert (full_run.store / "manifests" / name / f"{fingerprint}.json").exists()
    assert facts["metrics"] == pytest.approx(bundle.description.metrics)
    assert {"report.html", "experiment.json"} <= set(facts["artifacts"])


def test_the_bundle_folder_loads(full_run: FullRun) -> None:
    description = load_bundle(full_run.bundle).description
    assert description.keywords == KEYWORDS
    assert description.decision == "centroid"
    assert set(description.thresholds) == {"centroid", "svm", "softmax"}
    for backend in description.thresholds:
        assert {f"{backend}.target_accuracy", f"{backend}.non_target_accuracy"} <= set(description.metrics)


def test_the_report_loads_nothing_from_elsewhere(full_run: FullRun) -> None:
    page = (full_run.workspace / "report.html").read_text(encoding="utf-8")
    loads = _Loads()
    loads.feed(page)
    assert [address for address in loads.found if not address.startswith(("data:", "#"))] == []
    assert "@import" not in page
    assert all(keyword in page for keyword in KEYWORDS)


def test_the_registered_model_and_the_bundle_folder_spot_the_same(full_run: FullRun, recording: Path) -> None:
    by_folder = run_kws("spot", recording, "--model", full_run.bundle, "--json", cwd=full_run.folder, timeout_s=60)
    # without an address the registry of the default workspace is asked
    by_name = run_kws(
        "spot", recording, "--model", f"models:/{NAME}@champion", "--json", cwd=full_run.folder, timeout_s=60
    )
    assert (by_folder.status, by_name.status) == (0, 0), by_folder.stderr + by_name.stderr
    assert by_folder.stdout == by_name.stdout
    pcm, _ = soundfile.read(recording, dtype="float32")
    detections = Spotter.load(full_run.bundle).detect(pcm)
    rows = [json.loads(line) for line in by_name.stdout.splitlines()]
    assert [(row["keyword"], row["start_s"], row["end_s"]) for row in rows] == [
        (detection.keyword, detection.start_s, detection.end_s) for detection in detections
    ]
    assert {row["recording"] for row in rows} <= {str(recording)}


def test_the_served_model_answers_as_the_bundle_does(
    full_run: FullRun, registry: dict[str, Any], windows: np.ndarray
) -> None:
    expected = Spotter.load(full_run.bundle).classify(windows)
    assert len(registry["rows"]) == 2
    for row, answer in zip(registry["rows"], expected, strict=True):
        assert (row["keyword"], row["accepted"]) == (answer.keyword, answer.accepted)
        assert row["score"] == pytest.approx(answer.score, abs=1e-6)


def test_the_served_model_refuses_what_its_signature_does_not_say(registry: dict[str, Any]) -> None:
    assert set(registry["refusals"]) == {"shape", "float64"}
    assert "16000" in registry["refusals"]["shape"]
    assert "float64" in registry["refusals"]["float64"]


def test_a_run_with_nothing_new_computes_nothing(
    full_run: FullRun, rerun: tuple[Finished, dict[str, Any], dict[str, Any]]
) -> None:
    finished, before, after = rerun
    print(f"nothing to do: {finished.seconds:.1f} s")
    lines = finished.lines()
    for stage in (*DATA_STAGES, "selection", "pairs", "search"):
        assert all("nothing to compute" in line for line in lines[stage]), stage
    assert "nothing to register" in lines["register"][0]
    assert "nothing to compute" in lines["report"][0]
    assert "computed" not in finished.stderr
    assert _unchanged(after, before)
    registry = registry_json(full_run.tracking_uri, NAME, full_run.folder)
    assert list(registry["versions"]) == ["1"]
    assert registry["aliases"] == {"challenger": "1", "champion": "1"}
    assert len(registry["runs"]) == 4


def test_a_run_with_nothing_new_is_quick(rerun: tuple[Finished, dict[str, Any], dict[str, Any]]) -> None:
    assert rerun[0].seconds < RERUN_LIMIT_S


def test_another_vocabulary_recuts_nothing(full_run: FullRun, data_stages: Any, tmp_path: Path) -> None:
    places, store = _copied(full_run, tmp_path)
    before = store_files(store)
    selection = {**tiny_experiment()["selection"], "keywords": list(OTHER_KEYWORDS)}
    made = data_stages(places, Experiment.model_validate(tiny_experiment(selection=selection)))
    after = store_files(store)
    assert _unchanged({name: after[name] for name in before}, before)
    new = set(after) - set(before)
    assert {name.split("/")[1] for name in new} == {"selection", "pairs"}
    table = places.store().read_table(places.store().dataset("selection", made["selection"]))
    targets = {row["label"] for row in table.to_pylist() if row["role"] == "target"}
    assert targets == set(OTHER_KEYWORDS)


def test_another_speaker_adds_one_part_a_stage(full_run: FullRun, data_stages: Any, tmp_path: Path) -> None:
    places, store = _copied(full_run, tmp_path)
    old = {stage: part_keys(store, stage) for stage in DATA_STAGES}
    before = store_files(store)
    made = data_stages(places, _with_speakers(SPEAKERS + 1))
    after = store_files(store)
    assert _unchanged({name: after[name] for name in before}, before)
    for stage in DATA_STAGES:
        (added,) = part_keys(store, stage) - old[stage]
        dataset = places.store().dataset(stage, made[stage])
        assert {part.key for part in dataset.parts} == old[stage] | {added}

    # the thirteenth is where a part ends: one part is split in two, the others stay
    older = {stage: part_keys(store, stage) for stage in DATA_STAGES}
    before = store_files(store)
    made = data_stages(places, _with_speakers(SPEAKERS + 2))
    after = store_files(store)
    assert _unchanged({name: after[name] for name in before}, before)
    for stage in DATA_STAGES:
        added = part_keys(store, stage) - older[stage]
        keys = {part.key for part in places.store().dataset(stage, made[stage]).parts}
        assert len(added) == 2
        assert added < keys
        assert len(older[stage] - keys) == 1


def _unchanged(after: dict[str, tuple[str, int]], before: dict[str, tuple[str, int]]) -> bool:
    """The same files, bytes and times; only the store's mark is rewritten, which is how a run learns that it may."""
    digest, _ = before["store.json"]
    assert after["store.json"][0] == digest
    assert after == {**before, "store.json": after["store.json"]}
    return True


def _with_speakers(speakers: int) -> Experiment:
    corpus = {**tiny_experiment()["corpora"]["demo"], "speakers": speakers}
    return Experiment.model_validate(tiny_experiment(corpora={"demo": corpus}))


def _copied(full_run: FullRun, folder: Path) -> tuple[Places, Path]:
    """Places with a copy of the run's store, so that no test changes what another one reads."""
    places = Places.in_workspace(folder)
    shutil.copytree(full_run.store, folder / "store")
    return places, folder / "store"


class _Loads(HTMLParser):
    """Collects every address that a browser would fetch to show the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "poster", "data") or (name in ("href", "xlink:href") and tag != "a"):
                self.found.append(value or "")
            if name == "style":
                self.found.extend(_css_addresses(value or ""))

    def handle_data(self, data: str) -> None:
        if self.get_starttag_text() in ("<style>", '<style type="text/css">'):
            self.found.extend(_css_addresses(data))


def _css_addresses(text: str) -> list[str]:
    return [piece.split(")")[0].strip("'\" ") for piece in text.split("url(")[1:]]
