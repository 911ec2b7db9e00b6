"""Cells of a study on a real local Ray: kept, gone on with, and never computed twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kws_core.errors import SelectionError
from kws_core.features import featurise_part
from kws_core.manifest import Manifest, part_key
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, SEGMENTS
from kws_core.segments import STAGE
from kws_core.studies import find_study
from kws_core.studies.ma2019_config import Ma2019Config
from tasks import featurise, registry
from tasks.places import Places
from tasks.study import KIND, StudyInput, read_results, run_cells
from tasks.study_report import CSV, PAGE, STUDY_TAG, TEXT, publish_study
from tasks.study_report import KIND as REPORT

# Ray Data sets its own deprecated settings when it copies them
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
    pytest.mark.usefixtures("local_ray"),
]
WORDS = ("go", "left", "bed", "cat", "dog", "house", "tree", "wow", "sheila", "happy", "marvin", "zero")


def config(**changes: Any) -> Ma2019Config:
    return Ma2019Config.model_validate(
        {
            "corpora": {"words": {"recipe": "manifest", "path": "words.tsv"}},
            "selection": {
                "keywords": ["go", "left"],
                "development_share": 0.25,
                "test_share": 0.25,
                "out_of_vocabulary_share": 0.4,
                "pairs": 100,
            },
            "encoder": {"name": "res15", "maps": 4, "stem_pooling": [8, 8], "embedding_dim": 8},
            "training": {"epochs": 1},
            "margins": [0.2],
            "seeds": 1,
            "parallel_cells": 1,
            "replicates": 20,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Places, StudyInput]:
    """A store with one part of synthetic words, and a study of it."""
    places = Places.in_workspace(tmp_path_factory.mktemp("study"))
    store, rng = places.store(), np.random.default_rng(0)
    rows = []
    for speaker in range(20):
        for number, word in enumerate(WORDS):
            tone = np.sin(2 * np.pi * (200 + 150 * number) * np.arange(16000) / 16000)
            audio = (4000 * tone + 1000 * rng.normal(size=16000)).astype("<i2").tobytes()
            ids = {"segment_id": f"{speaker}-{word}", "utterance_id": f"{speaker}-{word}", "corpus": "words"}
            times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.3, "word_end_s": 0.7, "score": 0.0, "rms": 0.1}
            who = {"speaker_id": f"s{speaker}", "label": word, "source": "synthetic", "licence": "CC0-1.0"}
            rows.append({**ids, **times, **who, "audio": audio})
    table = pa.Table.from_pylist(rows, schema=SEGMENTS)
    outputs = {
        STAGE: PartOutput(table, QUARANTINE.empty_table()),
        featurise.STAGE: featurise_part(table, config().features),
    }
    fingerprints = []
    for stage, output in outputs.items():
        part = store.write_part(stage, part_key(stage, 1, "test", []), "words", output)
        manifest = Manifest(stage, 1, (part,))
        store.write_manifest(manifest)
        fingerprints.append(manifest.fingerprint)
    return places, StudyInput("ma2019", config(), *fingerprints)


def changed(given: StudyInput, **changes: Any) -> StudyInput:
    return StudyInput(given.name, config(**changes), given.segments, given.features)


def cell_files(places: Places) -> dict[str, tuple[int, bytes]]:
    """When each file of a cell was written, and its content."""
    folder = Path(places.store_url)
    paths = [*folder.glob(f"objects/{KIND}/*/*"), *folder.glob(f"documents/{KIND}/*")]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def test_cells_are_kept_and_only_missing_ones_are_computed(
    given: tuple[Places, StudyInput], capsys: pytest.CaptureFixture[str]
) -> None:
    places, study = given
    keys = run_cells.fn(places, study)
    assert len(keys) == len(set(keys)) == 3
    first = cell_files(places)
    assert len(first) == 6
    documents = [places.store().read_document(KIND, key) or {} for key in keys]
    methods = ["softmax", "normalisation", "normalisation + margin 0.2"]
    assert [document["method"] for document in documents] == methods

    capsys.readouterr()
    assert run_cells.fn(places, study) == keys
    assert cell_files(places) == first
    assert "nothing to compute" in capsys.readouterr().err

    # a cell that was killed before its document was written is the only one to run, and gives the same bytes
    lost = Path(places.store_url) / "documents" / KIND / f"{keys[1]}.json"
    lost.unlink()
    assert run_cells.fn(places, study) == keys
    assert "3 cells, 1 computed" in capsys.readouterr().err
    again = cell_files(places)
    result = str(Path(places.store_url) / "objects" / KIND / keys[1] / "result.npz")
    assert again[result][1] == first[result][1]
    assert {path for path in again if again[path][0] != first[path][0]} == {result, str(lost)}

    # another seed adds cells and leaves the finished ones alone
    more = run_cells.fn(places, changed(study, seeds=2))
    assert more[:3] == keys
    assert "6 cells, 3 computed" in capsys.readouterr().err
    assert len(read_results(places.store(), changed(study, seeds=2))) == 6


def test_the_table_is_published_once(given: tuple[Places, StudyInput]) -> None:
    places, study = given
    keys = run_cells.fn(places, study)
    outcome = publish_study.fn(places, study, keys)
    assert outcome.text.startswith("Hypersphere embedding")
    written = {name: (places.workspace / name).read_bytes() for name in (CSV, PAGE, TEXT)}
    assert b"CC0-1.0" in written[PAGE]
    assert written[CSV].decode().splitlines()[1].startswith("softmax,in-vocabulary,")
    (places.workspace / PAGE).unlink()
    assert publish_study.fn(places, study, keys) == outcome
    assert {name: (places.workspace / name).read_bytes() for name in written} == written

    client = registry.client(places.tracking_uri)
    experiment = client.get_experiment_by_name("study-ma2019")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags[STUDY_TAG]
    assert run.data.params["seeds"] == "1"
    frr = float(written[CSV].decode().splitlines()[1].split(",")[2])
    assert run.data.metrics["in-vocabulary.softmax.frr"] == pytest.approx(frr, abs=1e-6)
    assert {found.path for found in client.list_artifacts(run.info.run_id)} == {CSV, PAGE, TEXT, "study.json"}


def test_another_version_of_the_table_is_published_anew(
    given: tuple[Places, StudyInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    places, study = given
    keys = run_cells.fn(places, study)
    publish_study.fn(places, study, keys)
    documents = Path(places.store_url) / "documents" / REPORT
    before = {path: path.read_bytes() for path in documents.iterdir()}
    monkeypatch.setattr(find_study(study.name), "table_version", 99)
    publish_study.fn(places, study, keys)
    after = {path: path.read_bytes() for path in documents.iterdir()}
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()
    # the cells are what they were
    assert run_cells.fn(places, study) == keys


def test_an_error_of_a_cell_is_the_users_own(given: tuple[Places, StudyInput]) -> None:
    places, study = given
    words = {"keywords": ["absent"], "development_share": 0.25, "test_share": 0.25}
    with pytest.raises(SelectionError, match="keyword 'absent' has 0 segments"):
        run_cells.fn(places, changed(study, selection=words))
