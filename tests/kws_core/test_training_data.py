"""The join of selection, features and development pairs."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from builders import selection_rows, toy_data

from kws_core.config import FeaturesConfig
from kws_core.errors import TrainingError
from kws_core.schemas import PAIRS
from kws_core.training_data import training_data, word_frames

ROWS = [
    {"label": "go", "label_id": 0, "split": "train"},
    {"label": "go", "label_id": 0, "split": "development"},
    {"label": "up", "label_id": 1, "split": "train"},
    {"label": "rare", "label_id": -1, "split": "development"},
    {"label": "up", "label_id": 1, "split": "test"},
    {"label": "go", "label_id": 0, "split": "development"},
    {"label": "up", "label_id": 1, "split": "development"},
]


def pairs(*rows):
    names = ("test_set", "left", "right", "same", "speaker_policy")
    return pa.Table.from_pylist([dict(zip(names, (*row, "cross"), strict=True)) for row in rows], schema=PAIRS)


def place(number):
    return f"segment-{number:04d}"


PAIR_ROWS = (
    ("development in-vocabulary", place(1), place(5), True),
    ("in-vocabulary", place(4), place(4), True),
    ("development in-vocabulary", place(6), place(1), False),
    ("development out-of-vocabulary", place(3), place(5), False),
)


def test_rows_classes_and_trials():
    features = np.zeros((7, 99, 40), np.float16)
    data = training_data(selection_rows(ROWS), pairs(*PAIR_ROWS), features, FeaturesConfig())
    assert data.features is features
    assert data.label_ids.tolist() == [0, 0, 1, -1, 1, 0, 1]
    assert data.train.tolist() == [0, 2]
    assert data.classes == 2
    assert {name: [side.tolist() for side in trial] for name, trial in data.trials.items()} == {
        "development in-vocabulary": [[1, 6], [5, 1], [True, False]],
        "development out-of-vocabulary": [[3], [5], [False]],
    }
    assert data.word_frames.shape == (7, 2)
    assert data.development.tolist() == [1, 5, 6]
    assert data.class_names == ("go", "up")
    assert (data.targets, data.background, data.audio, data.noise) == ((), -1, None, None)


def test_targets_background_and_sound_are_passed_on():
    roles = ("target", "target", "non-target", "non-target", "non-target", "target", "non-target")
    rows = [{**row, "role": role} for row, role in zip(ROWS, roles, strict=True)]
    rows += [
        {"label": "<background>", "label_id": 2, "split": split, "role": "background"}
        for split in ("train", "development")
    ]
    audio, noise = np.zeros((9, 16000), np.int16), np.zeros((1, 20000), np.float32)
    features = np.zeros((9, 99, 40), np.float16)
    data = training_data(selection_rows(rows), pairs(*PAIR_ROWS), features, FeaturesConfig(), audio, noise)
    assert data.targets == (0,)
    assert data.background == 2
    assert data.class_names == ("go", "up", "<background>")
    assert data.train.tolist() == [0, 2, 7]
    assert data.development.tolist() == [1, 5, 6, 8]
    assert data.audio is audio
    assert data.noise is noise


def test_classes_need_as_many_names():
    data = toy_data()
    assert data.class_names == ("0", "1", "2", "3")
    with pytest.raises(TrainingError, match="4 classes have 2 names"):
        replace(data, class_names=("go", "up"))


@pytest.mark.parametrize("rows", [ROWS[:2], [row for row in ROWS if row["split"] != "train"], []])
def test_two_labels_are_the_least(rows):
    features = np.zeros((len(rows), 99, 40), np.float16)
    with pytest.raises(TrainingError, match=r"training segments of \d labels: two labels are the least"):
        training_data(selection_rows(rows), pairs(), features, FeaturesConfig())


def test_without_development_trials_there_is_no_training():
    features = np.zeros((7, 99, 40), np.float16)
    with pytest.raises(TrainingError, match="no development trials"):
        training_data(selection_rows(ROWS), pairs(PAIR_ROWS[1]), features, FeaturesConfig())


@pytest.mark.parametrize("word_s", [0.0, 0.01, 0.1, 0.33, 0.4, 0.98, 0.99, 1.0, 1.7])
@pytest.mark.parametrize("frames", [99, 16])
def test_word_frames_are_the_frames_that_the_word_touches(word_s, frames):
    config = FeaturesConfig(frames=frames)
    ((first, after),) = word_frames(selection_rows([{"word_s": word_s}]), config).tolist()
    # in hops from the middle of the features: frame i covers [i, i + 1)
    touched = [
        frame
        for frame in range(frames)
        if frame + 1 > frames / 2 - word_s / 0.01 / 2 + 1e-9 and frame < frames / 2 + word_s / 0.01 / 2 - 1e-9
    ]
    assert 0 <= first < after <= frames
    if touched:
        assert (first, after) == (touched[0], touched[-1] + 1)
    else:
        assert (first, after) == (frames // 2, frames // 2 + 1)


def test_all_frames_of_background_count():
    table = selection_rows([{"role": "background", "word_s": 0.0}, {"role": "target", "word_s": 0.2}])
    assert word_frames(table, FeaturesConfig()).tolist() == [[0, 99], [39, 60]]


def test_rows_of_a_repeated_corpus_are_listed_as_often():
    selection = selection_rows(ROWS)
    corpora = pa.array(["real", "real", "voices", "real", "real", "real", "real"])
    selection = selection.set_column(selection.schema.get_field_index("corpus"), "corpus", corpora)
    features = np.zeros((7, 99, 40), np.float16)
    data = training_data(selection, pairs(*PAIR_ROWS), features, FeaturesConfig(), repeats={"real": 3})
    assert data.train.tolist() == [0, 0, 0, 2]
