from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from study_builders import SHARED, corpus, study_data

from kws_core.errors import SelectionError
from kws_core.presets import load_settings
from kws_core.selection import speaker_split
from kws_core.studies.arora2019 import STUDY
from kws_core.studies.arora2019_config import Arora2019Config
from kws_core.studies.arora2019_events import EventData, imbalanced_rows
from kws_core.studies.arora2019_methods import METHODS, epochs_of_steps
from kws_core.studies.arora2019_table import WORDS
from kws_core.studies.arora2019_words import word_data
from kws_core.studies.data import StudyData

OTHERS = tuple(f"other{number}" for number in range(12))
BASE = {
    **SHARED,
    "corpora": {"words": corpus("words"), "sentences": corpus("sentences")},
    "event_corpora": ["words"],
    "events": ["go", "left"],
    "imbalances": [1, 5],
    "training": {"batch_size": 16, "learning_rate": 0.01},
    "encoder": {"name": "resnet", "widths": [8, 16], "embedding_dim": 8},
    # in decibels, these would drown the patterns
    "augmentation": {"swap_context_share": 0, "mask_context_share": 0, "gain_db": 0, "channel_db": 0, "shift_share": 0},
    "steps": 6,
    "pretraining_steps": 6,
    "seeds": 1,
}


def configured(**changes: object) -> Arora2019Config:
    return Arora2019Config.model_validate({**BASE, **changes})


@pytest.fixture(scope="module")
def data() -> StudyData:
    return study_data({"words": ("go", "left", "stop"), "sentences": ("go", *OTHERS)})


def events_of(labels: list[int], events: int = 2) -> EventData:
    """All rows train; unit and features are of no interest."""
    count = len(labels)
    return EventData(
        np.zeros((count, 2, 2), np.float16),
        np.zeros((count, 2), np.int64),
        np.array(labels, np.int64),
        np.array([f"s{row}" for row in range(count)], np.str_),
        np.full(count, "train"),
        tuple(f"event{number}" for number in range(events)),
    )


def test_words_are_labelled_by_corpus_and_split_by_speaker(data: StudyData) -> None:
    config = configured()
    found = word_data(data, config)
    for row in range(len(data.labels)):
        word, where = str(data.labels[row]), str(data.corpora[row])
        expected = {"go": 0, "left": 1}.get(word, 2)
        assert found.labels[row] == (-1 if word == "go" and where == "sentences" else expected)
        assert found.parts[row] == speaker_split(str(data.speakers[row]), config.selection)
    assert found.background == 2
    units = [set(found.units[found.rows(part)].tolist()) for part in ("train", "development", "test")]
    assert sum(map(len, units)) == len(set.union(*units)) > 0


def test_a_recording_that_occurs_twice_counts_once(data: StudyData) -> None:
    twice = StudyData(
        *(
            np.concatenate([array, array[:5]])
            for array in (
                data.features,
                data.word_frames,
                data.segment_ids,
                data.labels,
                data.speakers,
                data.corpora,
            )
        )
    )
    found = word_data(twice, configured())
    assert (found.labels[-5:] == -1).all()
    assert (found.labels[:-5] == word_data(data, configured()).labels).all()


def test_an_event_without_test_speakers_is_named() -> None:
    data = study_data({"words": ("go", "left", "stop")})
    config = configured()
    kept = (data.labels != "left") | (data.splits(config.selection) != "test")
    columns = ("features", "word_frames", "segment_ids", "labels", "speakers", "corpora")
    with pytest.raises(SelectionError, match="'left' has no test segments"):
        word_data(StudyData(*(getattr(data, name)[kept] for name in columns)), config)


@pytest.mark.parametrize(("imbalance", "events", "background"), [(1, 30, 30), (2, 30, 60), (5, 20, 100), (20, 5, 100)])
def test_imbalance_keeps_background_while_events_suffice(imbalance: int, events: int, background: int) -> None:
    data = events_of([0] * 10 + [2] * 100 + [1] * 20)
    rows = imbalanced_rows(data, imbalance, seed=0)
    labels = data.labels[rows]
    assert (labels != 2).sum() == events
    assert (labels == 2).sum() == background
    assert (np.diff(rows) > 0).all()
    counts = np.bincount(labels, minlength=3)
    assert counts[0] == min(10, (events + 1) // 2), "events are drawn as evenly as they allow"


def test_events_of_a_larger_imbalance_are_among_those_of_a_smaller_one_and_depend_on_the_seed() -> None:
    data = events_of([0] * 40 + [1] * 40 + [2] * 200)

    def events(imbalance: int, seed: int) -> set[int]:
        rows = imbalanced_rows(data, imbalance, seed)
        return set(rows[data.labels[rows] != 2].tolist())

    assert events(20, 0) < events(5, 0) < events(1, 0)
    assert events(20, 0) != events(20, 1)
    assert events(20, 0) == events(20, 0)


def test_too_few_events_are_refused() -> None:
    with pytest.raises(SelectionError, match="1:40, 100 background segments leave 1 training segments of 'event0'"):
        imbalanced_rows(events_of([0] * 40 + [1] * 40 + [2] * 100), 40, seed=0)


@pytest.mark.parametrize(("steps", "batches"), [(1, 1), (7, 3), (200, 52), (360, 1), (200, 125), (10, 400)])
def test_epochs_make_the_steps(steps: int, batches: int) -> None:
    epochs, each = epochs_of_steps(steps, batches)
    assert each <= batches
    assert steps <= epochs * each < steps + epochs


def test_every_method_runs_at_every_imbalance_and_repeats_itself(data: StudyData) -> None:
    config = configured()
    cells = STUDY.cells(config)
    assert [cell.parameters["method"] for cell in cells] == [*METHODS, *METHODS]
    assert len({cell.method for cell in cells}) == len(cells)
    given = word_data(data, config)
    test = given.rows("test")
    results = [(cell, STUDY.run_cell(data, cell, config, "cpu")) for cell in cells]
    for cell, result in results:
        assert result["units"].tolist() == given.units[test].tolist()
        assert result["labels"].tolist() == given.labels[test].tolist()
        assert np.exp(result["scores"].astype(np.float64)).sum(axis=1) == pytest.approx(1, abs=1e-4)
        events, background, clusters = result["training"].tolist()
        assert background == cell.parameters["imbalance"] * events
        assert (clusters > 1) == (cell.parameters["method"] == METHODS[-1])
        assert bool(str(result["stage"])) == ("pre-training" in cell.method)
    again = STUDY.run_cell(data, cells[-1], config, "cpu")
    assert again.to_bytes() == results[-1][1].to_bytes()
    table = STUDY.table(results, config)
    assert [row.method for row in table.rows] == [*METHODS, *METHODS]
    assert {row.test_set for row in table.rows} == {f"{WORDS}, 1:1", f"{WORDS}, 1:5"}


def test_methods_learn_easy_events(data: StudyData) -> None:
    config = configured(steps=60, pretraining_steps=40)
    for cell in STUDY.cells(config):
        if cell.parameters["imbalance"] == 5 and cell.parameters["method"] in METHODS[1::4]:
            result = STUDY.run_cell(data, cell, config, "cpu")
            assert (result["scores"].argmax(axis=1) == result["labels"]).mean() > 0.9, cell.method


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"imbalances": [5, 5]}, "imbalances must be different"),
        ({"event_corpora": ["radio"]}, "event_corpora names radio"),
        ({"training": {"epochs": 3}}, "training.epochs is not taken"),
        ({"events": ["go", "go"]}, "events are listed twice"),
        ({"siamese": {"loss": {"name": "contrastive", "non_targets": "negatives_only"}}}, "must be own_class"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        configured(**changes)


def test_the_preset_is_accepted() -> None:
    preset = Path(__file__).parents[3] / "flows/presets/studies/arora2019.yaml"
    config = load_settings(preset, Arora2019Config)
    assert config.imbalances == (1, 5, 20, 100)
    assert config.sounds is not None
    assert not config.deciding().keys() & {"imbalances", "seeds", "far"}
