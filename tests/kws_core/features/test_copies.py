"""Augmented copies: in the parts, and among the rows of training."""

import numpy as np
import pyarrow as pa
import pytest
from builders import selection_rows
from test_part import segments, speech

from kws_core.config import Experiment, FeaturesConfig, WaveformAugmentationConfig
from kws_core.errors import StoreError
from kws_core.feature_cache import cached_features, read_features
from kws_core.feature_copies import with_copies
from kws_core.features import featurise_part
from kws_core.features.copies_config import CopiesConfig
from kws_core.manifest import Manifest
from kws_core.schemas import features_schema
from kws_core.store import Store

AUGMENTATION = WaveformAugmentationConfig(
    speed_share=0.5, noise_share=1.0, reverberation_share=0.3, narrow_band_share=0.3, shift_share=0.3
)
CONFIG = FeaturesConfig()


def rows(names):
    return [(name, speech(9000, int(name[1:])).tobytes(), 0.0, 0.1, 0.4) for name in names]


def made(names, count=2, seed=0):
    return featurise_part(segments(rows(names)), CONFIG, CopiesConfig(count, AUGMENTATION, seed)).table


def test_every_segment_is_followed_by_its_copies():
    table = made(["s0", "s1", "s2"])
    assert table.schema.equals(features_schema(99, 40, copies=True))
    assert table["segment_id"].to_pylist() == ["s0"] * 3 + ["s1"] * 3 + ["s2"] * 3
    assert table["copy"].to_pylist() == [0, 1, 2] * 3
    features = read_features(table)
    plain = read_features(featurise_part(segments(rows(["s0", "s1", "s2"])), CONFIG).table)
    np.testing.assert_array_equal(features[::3], plain)
    assert len({features[row].tobytes() for row in range(9)}) == 9
    stretches = table["stretch"].to_numpy()
    assert (stretches[::3] == 1).all()
    assert len(set(stretches.tolist())) > 1


def test_a_copy_depends_on_its_segment_and_the_seed_alone():
    together, alone = made(["s0", "s1", "s2", "s3"]), made(["s2"])
    assert together.slice(6, 3)["stretch"].equals(alone["stretch"])
    # sums of spectra may be rounded in another order where a batch has another size
    np.testing.assert_allclose(read_features(together)[6:9], read_features(alone), atol=0.02, rtol=2e-3)
    assert made(["s2"]).equals(alone)
    more, other = made(["s2"], count=3), made(["s2"], seed=1)
    np.testing.assert_allclose(read_features(more)[:3], read_features(alone), atol=0.02, rtol=2e-3)
    assert not np.allclose(read_features(other)[1], read_features(alone)[1], atol=0.1)


def test_a_segment_without_sound_takes_its_copies_with_it():
    table = segments([*rows(["s0"]), ("odd", b"abc", 0.0, 0.1, 0.4)])
    output = featurise_part(table, CONFIG, CopiesConfig(1, AUGMENTATION, 0))
    assert output.table["segment_id"].to_pylist() == ["s0", "s0"]
    assert output.quarantine["source"].to_pylist() == ["odd"]


@pytest.fixture
def dataset(tmp_path):
    store = Store(str(tmp_path / "store"))
    parts = []
    for key, names in (("a", ["s0", "s1", "s2"]), ("b", ["s3", "s4"])):
        output = featurise_part(segments(rows(names)), CONFIG, CopiesConfig(2, AUGMENTATION, 0))
        parts.append(store.write_part("features", key, "c", output))
    return store, Manifest("features", 1, tuple(parts))


def test_training_rows_gain_their_copies(dataset, tmp_path):
    store, manifest = dataset
    selection = selection_rows(
        [
            {"segment_id": "s1", "part": 0, "row": 1},
            {"segment_id": "s2", "part": 0, "row": 2, "split": "test"},
            {"segment_id": "s4", "part": 1, "row": 1, "label_id": 1},
            {"segment_id": "s3", "part": 1, "row": 0, "split": "development"},
            {"segment_id": "s0", "part": 0, "row": 0, "label_id": -1},
        ]
    )
    extended = with_copies(store, manifest, selection)
    assert extended.slice(0, 5).select(selection.column_names).equals(selection)
    assert extended["segment_id"].to_pylist()[5:] == ["s1", "s1", "s4", "s4"]
    assert extended["copy"].to_pylist() == [0] * 5 + [1, 2, 1, 2]
    assert extended["label_id"].to_pylist()[5:] == [0, 0, 1, 1]
    tables = [store.read_part("features", part) for part in manifest.parts]
    stretches = [*tables[0]["stretch"].to_pylist()[4:6], *tables[1]["stretch"].to_pylist()[4:6]]
    np.testing.assert_allclose(extended["word_s"].to_pylist()[5:], 0.4 * np.array(stretches))
    found = cached_features(store, manifest, extended, tmp_path / "cache", "key")
    first, second = (read_features(table) for table in tables)
    expected = [first[3], first[6], second[3], second[0], first[0], first[4], first[5], second[4], second[5]]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_training_rows_without_copies_are_named(dataset):
    store, manifest = dataset
    with pytest.raises(StoreError, match="part 0 of the features has no copies of s9, which is trained on"):
        with_copies(store, manifest, selection_rows([{"segment_id": "s9", "part": 0, "row": 0}]))


def test_no_training_rows_have_no_copies(dataset):
    store, manifest = dataset
    selection = selection_rows([{"segment_id": "s1", "part": 0, "row": 1, "split": "test"}])
    extended = with_copies(store, manifest, selection)
    assert extended["copy"].to_pylist() == [0]
    assert isinstance(extended, pa.Table)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training": {"input": "waveforms"}}, "copies are learnt from as stored features"),
        ({"training": {"data": "stream"}}, "copies are learnt from as stored features"),
        ({"augmentation": {"waveform": {}}}, "copies would all be equal to their segments"),
        ({"features_stage": {"gpus": 1.5}}, "gpus above 1 must be a whole number, not 1.5"),
    ],
)
def test_copies_that_nothing_would_read_are_refused(settings, message):
    given = {
        "name": "copies",
        "corpora": {"demo": {"recipe": "demo"}},
        "selection": {"keywords": ["go"]},
        "features_stage": {"copies": 2},
        "augmentation": {"waveform": {"noise_share": 0.5}},
    }
    assert Experiment.model_validate(given).features_stage.copies == 2
    with pytest.raises(ValueError, match=message):
        Experiment.model_validate(given | settings)
