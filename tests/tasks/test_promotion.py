"""Champion and challenger on a real MLflow server: sqlite behind it, its artifacts on S3."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from experiments import run_kws
from promotion_case import KEYWORDS, NAME, Case, experiment, make_case
from servers import mlflow_server

from flows.moves import print_history
from kws_core.bundle import Bundle
from kws_core.errors import BundleError, RegistryError
from kws_core.spotter import Spotter
from kws_core.store import Store
from tasks import registry
from tasks.decisions import KIND, decisions, key_of
from tasks.move import current_aliases, roll_back
from tasks.own_checks import WHOLE, check_registered
from tasks.places import Places
from tasks.promote_by_hand import promote_by_hand

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("prefect", "ray", "torch"):
            raise ImportError(f"{name} is not to be had here")

sys.meta_path.insert(0, Blocked())
import json
import mlflow
import numpy as np

mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
inputs = [(str(spec.type), spec.shape) for spec in model.metadata.get_input_schema()]
example = model.input_example
rows = model.predict(np.load(sys.argv[3])).to_dict("records")
print(json.dumps({"inputs": inputs, "rows": rows, "example": list(np.shape(example))}))
"""


@dataclass
class Served:
    """A registry behind a server, with one version after the other."""

    case: Case
    url: str
    bucket: Store
    folder: Path
    bundles: dict[str, Bundle]

    @property
    def client(self) -> Any:
        return registry.client(self.url)


@pytest.fixture(scope="module")
def served(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    import s3fs

    torch.set_num_threads(1)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    folder = tmp_path_factory.mktemp("promotion")
    keys = {**KEYS, "AWS_ENDPOINT_URL": s3_endpoint}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("promotion")
        with mlflow_server(folder / "mlflow", "s3://promotion/artifacts", keys) as url:
            places = Places.in_workspace(folder, "s3://promotion/store", url)
            case = make_case(places, patch, folder)
            yield Served(case, url, Store("s3://promotion"), folder, {})
        s3fs.S3FileSystem.clear_instance_cache()


def windows() -> np.ndarray:
    time_s = np.arange(16_000) / 16_000
    sounds = [0.2 * np.sin(2 * np.pi * tone_hz * time_s) for tone_hz in (400, 1100, 2600, 5000)]
    return np.stack(sounds).astype(np.float32)


def test_a_first_version_is_promoted(served: Served) -> None:
    bundle = served.bundles["1"] = served.case.bundle(served.folder / "first")
    assert served.case.register(bundle) == "1"
    assert current_aliases(served.client, NAME) == {"candidate": "1"}
    decision = served.case.promote(bundle, "1")
    assert decision.promoted
    assert decision.reason.startswith("there was no champion, and FRR at FAR 2 % on in-vocabulary trials")
    assert current_aliases(served.client, NAME) == {"challenger": "1", "champion": "1"}
    version = served.client.get_model_version(NAME, "1")
    assert {"kws.bundle", "kws.code", "kws.preset", "kws.experiment", "kws.dataset.pairs"} <= set(version.tags)
    assert (version.tags["kws.licences"], version.tags["kws.dataset.segments"]) == ("CC0-1.0", served.case.segments)
    run = served.client.get_run(version.run_id)
    assert run.data.metrics == bundle.description.metrics
    # the same again settles nothing anew
    assert served.case.register(bundle) == "1"
    assert served.case.promote(bundle, "1").promoted
    assert [made["kind"] for made in decisions(registry.versions(served.client, NAME))] == ["own checks", "gate"]


def test_a_version_that_lost_a_keyword_is_refused(served: Served) -> None:
    bundle = served.bundles["2"] = served.case.bundle(served.folder / "second", deaf_to="high")
    version = served.case.register(bundle)
    decision = served.case.promote(bundle, version, accuracy_margin=1.0)
    assert not decision.promoted
    assert decision.decided_by.startswith("accuracy of keyword high")
    failed = [check.figure for check in decision.checks if check.verdict == "failed"]
    assert failed == [decision.decided_by]
    assert current_aliases(served.client, NAME) == {"challenger": "2", "champion": "1"}
    strict = served.case.promote(bundle, version)
    assert strict.decided_by == "target accuracy"
    before = len(decisions(registry.versions(served.client, NAME)))
    assert served.case.promote(bundle, version) == strict
    assert len(decisions(registry.versions(served.client, NAME))) == before  # the same refusal is not written twice
    with pytest.raises(RegistryError, match="version 2 failed its checks"):
        promote_by_hand(served.client, NAME, "2", "I like it")


def test_a_version_that_is_no_worse_is_promoted_and_rolled_back(served: Served) -> None:
    lower = tuple(value - 1e-9 for value in served.case.thresholds)
    bundle = served.bundles["3"] = served.case.bundle(served.folder / "third", thresholds={"centroid": lower})
    version = served.case.register(bundle)
    decision = served.case.promote(bundle, version)
    assert decision.promoted, decision.reason
    assert "against the champion's" in decision.reason
    assert current_aliases(served.client, NAME) == {"challenger": "3", "champion": "3", "previous": "1"}
    made = roll_back(served.client, NAME, "noise in the field")
    assert current_aliases(served.client, NAME) == {"challenger": "3", "champion": "1", "previous": "3"}
    assert (made["kind"], made["model_version"], made["champion_before"]) == ("rollback", "1", "3")
    # a rerun of the retrain does not undo what a person decided
    again = served.case.promote(bundle, version)
    assert (again.promoted, "rolled back" in again.reason) == (False, True)


def test_every_decision_stands_in_the_run_and_in_the_store(served: Served) -> None:
    client = served.client
    made = decisions(registry.versions(client, NAME))
    kinds = ["own checks", "gate", "own checks", "gate", "gate", "own checks", "gate", "rollback"]
    assert [document["kind"] for document in made] == kinds
    assert [document["number"] for document in made] == sorted(document["number"] for document in made)
    for document in made:
        key = key_of(document)
        assert json.loads(served.bucket.files.read(f"store/documents/{KIND}/{key}.json")) == document
        run_id = client.get_model_version(NAME, document["model_version"]).run_id
        assert f"decisions/{key}.json" in {entry.path for entry in client.list_artifacts(run_id, "decisions")}
        assert set(document["who"]) == {"user"}
    refusal = made[3]
    assert refusal["gate"] == experiment(accuracy_margin=1.0).gate.model_dump(mode="json")
    assert refusal["judged_on"]["pairs"] == served.case.given.pairs
    assert {check["verdict"] for check in refusal["checks"]} == {"passed", "failed", "not measured"}


def test_the_champion_loads_without_prefect_ray_and_torch(served: Served, tmp_path: Path) -> None:
    np.save(tmp_path / "pcm.npy", windows())
    command = [sys.executable, "-c", PROGRAM, served.url, f"models:/{NAME}@champion", str(tmp_path / "pcm.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["inputs"] == [["float32", [-1, 16000]]]
    assert found["example"] == [1, 16000]
    expected = Spotter(served.bundles["1"]).classify(windows())
    assert [(row["keyword"], row["accepted"]) for row in found["rows"]] == [(e.keyword, e.accepted) for e in expected]
    assert {row["keyword"] for row in found["rows"]} <= set(KEYWORDS)


def test_two_promotions_at_once_leave_one_champion_and_two_decisions(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = decisions(registry.versions(served.client, NAME))
    where = {"cwd": tmp_path, "timeout_s": 240, "env": {"MLFLOW_TRACKING_URI": served.url}}
    command = ("promote", NAME, "--reason", "both at once")
    finished: dict[str, Any] = {}

    def run(version: str, *more: str) -> None:
        finished[version] = run_kws(*command, version, *more, **where)

    threads = [threading.Thread(target=run, args=each) for each in (("2", "--force"), ("3",))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [finished[version].status for version in "23"] == [0, 0], finished
    first, second = decisions(registry.versions(served.client, NAME))[len(before) :]
    assert {first["model_version"], second["model_version"]} == {"2", "3"}
    assert (first["champion_before"], second["champion_before"]) == ("1", first["model_version"])
    aliases = current_aliases(served.client, NAME)
    assert (aliases["champion"], aliases["previous"]) == (second["model_version"], first["model_version"])
    forced = {made["model_version"]: (made["forced"], made.get("overruled", "")) for made in (first, second)}
    assert forced["3"] == (False, "")
    assert forced["2"][0]
    assert forced["2"][1].startswith("failed its checks (gate)")
    print_history(NAME, served.url, as_json=True)
    assert json.loads(capsys.readouterr().out)[-1] == {"decision": key_of(second), **second}
    print_history(NAME, served.url, as_json=False)
    table = capsys.readouterr().out
    assert "forced" in table
    assert "stays" in table


def test_what_was_changed_behind_the_registry_is_refused(served: Served) -> None:
    client = served.client
    names = [name for name in served.bucket.files.names("artifacts") if name.endswith("encoder.onnx")]
    run_id = client.get_model_version(NAME, "2").run_id
    (model,) = client.search_logged_models([client.get_run(run_id).info.experiment_id], f"source_run_id = '{run_id}'")
    (damaged,) = (name for name in names if model.model_id in name)
    content = bytearray(served.bucket.files.read(damaged))
    content[len(content) // 2] ^= 1
    served.bucket.files.write(damaged, bytes(content))
    (check,) = check_registered(client, NAME, "2", served.bundles["2"], windows())
    assert (check.figure, check.verdict) == (WHOLE, "failed")
    assert "damaged" in check.rule
    with pytest.raises(BundleError, match="damaged"), registry.downloaded(client, f"models:/{NAME}/2"):
        pass
    # a bundle that is whole, and another one
    client.set_model_version_tag(NAME, "3", registry.BUNDLE_TAG, "0" * 64)
    with pytest.raises(BundleError, match="it is not ours"), registry.downloaded(client, f"models:/{NAME}/3"):
        pass
    with pytest.raises(BundleError, match="it is not ours"):
        promote_by_hand(client, NAME, "3", "in haste", force=True)


def test_a_decision_that_was_changed_is_told(served: Served) -> None:
    client = served.client
    version = client.get_model_version(NAME, "1")
    tag = next(name for name in version.tags if name.startswith("kws.decision."))
    client.set_model_version_tag(NAME, "1", tag, version.tags[tag].replace("passed", "perfect"))
    with pytest.raises(RegistryError, match="was changed"):
        decisions(registry.versions(client, NAME))
    client.set_model_version_tag(NAME, "1", tag, version.tags[tag])
