from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError
from study_builders import SHARED, corpus, study_data

from kws_core.errors import SelectionError
from kws_core.evaluation.det import frr_at_far
from kws_core.selection import speaker_split
from kws_core.studies.ma2019 import STUDY, training_spec
from kws_core.studies.ma2019_config import Ma2019Config
from kws_core.studies.ma2019_data import ma_data
from kws_core.studies.ma2019_table import best_margin, development_frr
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, by_method

WORDS = ("go", "left", *(f"word{number}" for number in range(12)))


def settings(**changes) -> Ma2019Config:
    return Ma2019Config.model_validate(
        {
            **SHARED,
            "corpora": {
                "real": corpus("real"),
                "voices": {**corpus("voices"), "use": "train"},
                "other": {**corpus("other"), "use": "test"},
            },
            "selection": {
                "keywords": ["go", "left"],
                "development_share": 0.25,
                "test_share": 0.25,
                "out_of_vocabulary_share": 0.4,
                "pairs": 300,
            },
            "margins": [0.1, 0.2],
            "margin_ramp_epochs": 0,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def data():
    words = {"real": WORDS, "voices": (*WORDS, "extra", "more"), "other": ("go", "seven", "word1")}
    return study_data(words, speakers=24)


@pytest.fixture(scope="module")
def given(data):
    return ma_data(data, settings())


@pytest.fixture(scope="module")
def results(data):
    config = settings()
    return [(cell, STUDY.run_cell(data, cell, config, "cpu")) for cell in STUDY.cells(config)]


def test_speakers_train_develop_or_test(data, given):
    selection = settings().selection
    train = given.training.train
    of_real = train[data.corpora[train] == "real"]
    assert {speaker_split(speaker, selection) for speaker in data.speakers[of_real].tolist()} == {"train"}
    assert set(data.corpora[train].tolist()) == {"real", "voices"}
    assert set(data.corpora[given.training.development].tolist()) == {"real"}
    for name, (left, right, _) in given.training.trials.items():
        assert name in ("development in-vocabulary", "development out-of-vocabulary")
        for side in (left, right):
            assert {speaker_split(speaker, selection) for speaker in data.speakers[side].tolist()} == {"development"}
    assert set(given.tests) == {"in-vocabulary", "out-of-vocabulary", "cross-corpus other"}


def test_pairs_are_what_they_say(data, given):
    trained = set(data.labels[given.training.train].tolist())
    for name, (left, right, same) in {**given.training.trials, **given.tests}.items():
        assert same.mean() == 0.5
        assert (data.speakers[left] != data.speakers[right]).all()
        assert ((data.labels[left] == data.labels[right]) == same).all()
        words = set(data.labels[np.concatenate([left, right])].tolist())
        if name.endswith("out-of-vocabulary"):
            assert not words & trained
        elif name.endswith("in-vocabulary"):
            assert words <= trained
        else:
            assert set(data.corpora[np.concatenate([left, right])].tolist()) == {"other"}


def test_classes_are_labels(data, given):
    names = given.training.class_names
    assert len(set(names)) == given.training.classes == len(names)
    for row in given.training.train.tolist():
        assert names[given.training.label_ids[row]] == data.labels[row]
    assert {"extra", "more"} <= set(names)  # of the synthesised voices alone
    assert min(Counter(given.training.label_ids[given.training.train].tolist()).values()) >= 3


def test_lists_do_not_depend_on_the_method(results):
    first = results[0][1]
    for _, result in results[1:]:
        for name in first.arrays:
            if not name.startswith("scores"):
                assert np.array_equal(first[name], result[name])


def test_cells_and_their_losses():
    config = settings()
    cells = STUDY.cells(config)
    methods = ("softmax", "normalisation", "normalisation + margin 0.1", "normalisation + margin 0.2")
    assert [(cell.seed, cell.method) for cell in cells] == [(seed, method) for seed in (0, 1) for method in methods]
    losses = [training_spec(config, cell).loss for cell in cells[:4]]
    assert [loss.name for loss in losses] == ["softmax", "normalised_softmax", "am_softmax", "am_softmax"]
    assert [loss.margin for loss in losses[1:]] == [0.0, 0.1, 0.2]
    assert {loss.scale for loss in losses[1:]} == {30.0}


def test_another_sweep_keeps_the_cells_that_both_have():
    wide = settings(margins=[0.1, 0.2, 0.3], seeds=3, parallel_cells=1)
    assert wide.deciding() == settings().deciding()
    assert settings(scale=20).deciding() != settings().deciding()


def test_the_table_agrees_with_the_evaluation(results):
    config = settings()
    table = STUDY.table(results, config)
    grouped = by_method(results)
    lists = ("in-vocabulary", "out-of-vocabulary", "cross-corpus other")
    assert [row.test_set for row in table.rows] == [name for name in lists for _ in range(4)]
    chosen = best_margin(grouped, config)
    marked = {row.method for row in table.rows if row.method.endswith(" (chosen)")}
    assert marked == {f"{chosen} (chosen)"}
    for row in table.rows:
        cells = grouped[row.method.removesuffix(" (chosen)")]
        values = [frr_at_far(cell[f"scores {row.test_set}"], cell[f"same {row.test_set}"], 0.02) for cell in cells]
        assert row.figures["frr"].value == pytest.approx(np.mean(values))
        assert row.figures["frr"].count == len(cells[0][f"same {row.test_set}"])
        base = next(found for found in table.rows if found.test_set == row.test_set).figures["frr"].value
        if row.method == "softmax":
            assert "frr_reduction" not in row.figures
        else:
            assert row.figures["frr_reduction"].value == pytest.approx(1 - np.mean(values) / base)
    assert len(table.claims) == 6
    assert set(table.curves) == set(lists)


def test_the_margin_is_chosen_on_development_pairs_alone():
    """The margin that is best on the test is not chosen when development pairs speak for the other."""
    same = np.array([True] * 50 + [False] * 50)
    names = np.array([f"s{number:02d}" for number in range(50)] * 2)
    good, poor = np.where(same, 1.0, 0.0), np.where(np.arange(100) % 2 == 0, 1.0, 0.0)
    lists = ("development in-vocabulary", "development out-of-vocabulary", "in-vocabulary", "out-of-vocabulary")

    def result(development: np.ndarray, test: np.ndarray) -> CellResult:
        arrays = {"training": np.array([10, 2])}
        for name in lists:
            arrays[f"scores {name}"] = development if name.startswith("development") else test
            arrays |= {f"same {name}": same, f"left {name}": names, f"right {name}": np.roll(names, 1)}
        return CellResult(arrays)

    outcomes = {
        "softmax": result(poor, poor),
        "normalisation": result(poor, poor),
        "normalisation + margin 0.1": result(good, good),
        "normalisation + margin 0.2": result(poor, good),
    }
    config = settings(seeds=1)
    assert best_margin({method: [found] for method, found in outcomes.items()}, config) == "normalisation + margin 0.1"
    outcomes["normalisation + margin 0.1"] = result(poor, good)
    outcomes["normalisation + margin 0.2"] = result(good, poor)
    assert best_margin({method: [found] for method, found in outcomes.items()}, config) == "normalisation + margin 0.2"
    assert development_frr([outcomes["normalisation + margin 0.2"]], 0.02) == 0.0
    outcomes["normalisation + margin 0.2"] = result(good, good)
    table = STUDY.table([(Cell(method=method, seed=0), found) for method, found in outcomes.items()], config)
    verdicts = {claim.statement.split(" lowers")[0]: claim.reproduced for claim in table.claims}
    assert verdicts == {"Normalisation": "no", "Normalisation + margin 0.2": "yes"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"margins": [0.1, 0.1]}, "margins must differ"),
        ({"margins": [0.0]}, "between 0 and 1"),
        ({"training": {"repeats": {"real": 2}}}, "training.repeats must be empty"),
        ({"training": {"input": "waveforms"}}, "training.input must be features"),
    ],
)
def test_settings_that_do_not_fit(changes, told):
    with pytest.raises(ValidationError, match=told):
        settings(**changes)


def test_pair_lists_that_cannot_be_drawn():
    lonely = study_data({"real": ("go", "left", "word0")}, speakers=24)
    with pytest.raises(SelectionError, match="no development trials of known and of unknown words"):
        ma_data(lonely, settings(corpora={"real": corpus("real")}))
