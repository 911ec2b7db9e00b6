"""The stage `bucket` on a real local Ray, and what training loads of it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kws_core import pairs as pairs_stage
from kws_core import selection as selection_stage
from kws_core.config import Experiment
from kws_core.errors import StoreError, TrainingError
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import PAIRS, QUARANTINE, SELECTION, features_schema
from kws_core.store import Store
from kws_core.strategies import train
from kws_core.streaming import STAGE
from tasks import featurise
from tasks.bucket import bucket
from tasks.places import Places
from tasks.search_space import training_spec
from tasks.training_input import TrainingInput

pytestmark = pytest.mark.usefixtures("local_ray")
LABELS, SPEAKERS, FRAMES, COEFFICIENTS = 3, 12, 99, 40


def experiment_of(**training: object) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "streamed",
            "purpose": "enrolment",
            "corpora": {"a": {"recipe": "manifest", "path": "a.tsv"}},
            "search": {"trials": 0, "encoders": [{"name": "res15", "maps": 4, "stem_pooling": (4, 3)}]},
            "training": {
                "data": "stream",
                "epochs": 2,
                "batch_size": 6,
                "stream": {"window_mib": 0.8, "shard_mib": 0.15, "label_groups": 2},
                **training,
            },
        }
    )


@pytest.fixture
def given(tmp_path: Path) -> tuple[Places, TrainingInput]:
    """A store of features of speakers who say each label three times, one part a speaker, three of them held out."""
    places, rng = Places.in_workspace(tmp_path), np.random.default_rng(0)
    store = places.store()
    patterns = rng.normal(size=(LABELS, FRAMES, COEFFICIENTS))
    parts, rows = [], []
    for speaker in range(SPEAKERS):
        labels = np.repeat(np.arange(LABELS), 3)
        values = (patterns[labels] + rng.normal(size=(9, FRAMES, COEFFICIENTS))).astype(np.float16)
        ids = [f"{speaker}-{row}" for row in range(9)]
        columns = [pa.array(ids), pa.FixedShapeTensorArray.from_numpy_ndarray(values)]
        output = PartOutput(pa.table(columns, schema=features_schema(FRAMES, COEFFICIENTS)), QUARANTINE.empty_table())
        parts.append(store.write_part(featurise.STAGE, f"f{speaker}", "a", output))
        for row, label in enumerate(labels.tolist()):
            rows.append(
                {"segment_id": ids[row], "part": speaker, "row": row, "corpus": "a", "speaker_id": str(speaker)}
                | {"label": f"word {label}", "label_id": label, "word_s": 0.4, "role": "non-target"}
                | {"split": "development" if speaker % 4 == 0 else "train"}
            )
    held = [row for row in rows if row["split"] == "development"]
    trials = [
        {"test_set": "development in-vocabulary", "left": left["segment_id"], "right": right["segment_id"]}
        | {"same": left["label"] == right["label"], "speaker_policy": "any"}
        for left in held
        for right in held
        if left["segment_id"] < right["segment_id"]
    ]
    features = Manifest(featurise.STAGE, 1, tuple(parts))
    store.write_manifest(features)
    selection = keep(store, selection_stage.STAGE, pa.Table.from_pylist(rows, schema=SELECTION))
    pairs = keep(store, pairs_stage.STAGE, pa.Table.from_pylist(trials, schema=PAIRS))
    return places, TrainingInput(features=features.fingerprint, selection=selection, pairs=pairs)


def keep(store: Store, stage: str, table: pa.Table) -> str:
    manifest = Manifest(
        stage, 1, (store.write_part(stage, f"{stage}-key", "", PartOutput(table, QUARANTINE.empty_table())),)
    )
    store.write_manifest(manifest)
    return manifest.fingerprint


def test_training_streams_what_the_cache_holds(
    given: tuple[Places, TrainingInput], capsys: pytest.CaptureFixture[str]
) -> None:
    places, inputs = given
    experiment = experiment_of()
    key = bucket.fn(places, experiment, inputs.features, inputs.selection)
    store = places.store()
    manifest = store.dataset(STAGE, key)
    assert manifest.rows == 9 * 9
    assert len(manifest.parts) > 4
    described = {part.key: part.sha256 for part in manifest.parts}
    # a run that was killed: a part and the manifest are missing
    folder = Path(places.store_url)
    (folder / "parts" / STAGE / f"{manifest.parts[2].key}.json").unlink()
    (folder / "manifests" / STAGE / f"{key}.json").unlink()
    capsys.readouterr()
    assert bucket.fn(places, experiment, inputs.features, inputs.selection) == key
    assert "1 computed" in capsys.readouterr().err
    assert {part.key: part.sha256 for part in store.dataset(STAGE, key).parts} == described
    assert bucket.fn(places, experiment, inputs.features, inputs.selection) == key
    assert "nothing to compute" in capsys.readouterr().err

    streamed = inputs.model_copy(update={"buckets": key})
    assert "buckets" not in inputs.model_dump()
    assert streamed.model_dump()["buckets"] == key
    data, cached = streamed.load(places, experiment), inputs.load(places, experiment_of(data="cache"))
    assert data.stream is not None
    assert len(data.features) == 27 < len(cached.features)
    values = np.zeros((int(data.train.max()) + 1, FRAMES, COEFFICIENTS), np.float16)
    for number, block in enumerate(data.stream.blocks):
        out = np.empty((len(block.rows), FRAMES, COEFFICIENTS), np.float16)
        data.stream.fill(number, out)
        values[block.rows] = out
    np.testing.assert_array_equal(values[data.train], cached.features[cached.train])
    np.testing.assert_array_equal(data.label_ids[data.train], cached.label_ids[cached.train])
    name = "development in-vocabulary"
    for found, expected in zip(data.trials[name][:2], cached.trials[name][:2], strict=True):
        np.testing.assert_array_equal(data.features[found], cached.features[expected])

    spec = training_spec(experiment, experiment.search.encoders[0])
    result = train(data, spec, experiment.strategy, 0)
    assert result.delivered.development_eer < 0.5


def test_what_is_not_given_is_said(given: tuple[Places, TrainingInput]) -> None:
    places, inputs = given
    with pytest.raises(TrainingError, match="stream needs the dataset of training buckets"):
        inputs.load(places, experiment_of())
    sound = inputs.model_copy(update={"buckets": "b"})
    with pytest.raises(TrainingError, match="waveforms needs the dataset of segments"):
        sound.load(places, experiment_of(input="waveforms"))
    with pytest.raises(StoreError, match="the dataset training_buckets b is missing"):
        sound.load(places, experiment_of())
