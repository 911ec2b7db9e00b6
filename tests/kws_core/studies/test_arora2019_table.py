import math

import numpy as np
import pytest
from test_arora2019 import configured

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap
from kws_core.studies.arora2019 import STUDY
from kws_core.studies.arora2019_measures import average_precision, balanced_error, miss_rate
from kws_core.studies.arora2019_methods import CLUSTERED, METHODS, SIAMESE, WEIGHTED
from kws_core.studies.arora2019_table import WORDS, answer, arora_table, cell_method
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell


def drawn(seed: int = 0, segments: int = 60) -> CellResult:
    """Two events and background by ten speakers, with posteriors at random."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, segments)
    posteriors = rng.dirichlet([1, 1, 1], segments) + 0.6 * np.eye(3)[labels]
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    return CellResult(
        {
            "units": np.array([f"s{number}" for number in rng.integers(0, 10, segments)]),
            "labels": labels.astype(np.int16),
            "scores": np.log(posteriors).astype(np.float32),
        }
    )


def told(error: float, units: int = 12, each: int = 20) -> CellResult:
    """Every speaker says both classes `each` times; the share `error` of either is decided wrongly, evenly spread."""
    labels = np.tile(np.repeat([0, 1], each), units)
    wrong = np.tile(np.arange(each) < round(error * each), 2 * units)
    likely = np.where(wrong, 1 - labels, labels)
    scores = np.log(np.where(likely[:, None] == np.arange(2), 0.9, 0.1))
    return CellResult(
        {
            "units": np.repeat([f"s{unit:02d}" for unit in range(units)], 2 * each),
            "labels": labels.astype(np.int16),
            "scores": scores.astype(np.float32),
            "training": np.array([10, 100, 3]),
            "training_units": np.array([7]),
            "stage": np.array("end to end"),
        }
    )


def test_figures_equal_loops_over_weighted_segments() -> None:
    cell = drawn()
    draws = SpeakerBootstrap(cell["units"], replicates=5)
    error, precision, missed = balanced_error(cell, draws), average_precision(cell, draws), miss_rate(cell, draws, 0.1)
    labels, scores = cell["labels"], cell["scores"].astype(np.float64)
    for replicate, of_speaker in enumerate(draws.weights):
        weight = [int(of_speaker[draws.speakers.tolist().index(unit)]) for unit in cell["units"].tolist()]
        shares = []
        for k in range(3):
            total = sum(w for w, label in zip(weight, labels, strict=True) if label == k)
            wrong = sum(w for w, y, s in zip(weight, labels, scores, strict=True) if y == k and s.argmax() != k)
            shares.append(wrong / total)
        assert error[replicate] == pytest.approx(sum(shares) / 3)
        # non-targets are weighted so that both sides keep the ratio of the whole test set
        event_total = sum(w for w, y in zip(weight, labels, strict=True) if y < 2)
        other_total = sum(weight) - event_total
        ratio = (labels < 2).sum() / (labels == 2).sum()
        balance = event_total / (ratio * other_total)
        precisions = []
        for k in range(2):
            order = np.argsort(-scores[:, k], kind="stable")
            true = false = area = 0.0
            for row in order:
                if labels[row] == k:
                    true += weight[row]
                    area += weight[row] * (true / (true + false) if true else 0)
                else:
                    false += weight[row] * (balance if labels[row] == 2 else 1)
            precisions.append(area / true)
        assert precision[replicate] == pytest.approx(sum(precisions) / 2)
        odds = [math.log(1 - math.exp(s[2])) - s[2] for s in scores]
        best = 1.0
        for threshold in odds:
            alarms = sum(w for w, o, y in zip(weight, odds, labels, strict=True) if y == 2 and o >= threshold)
            misses = sum(w for w, o, y in zip(weight, odds, labels, strict=True) if y < 2 and o < threshold)
            if alarms / other_total <= 0.1:
                best = min(best, misses / event_total)
        assert missed[replicate] == pytest.approx(best)


def test_a_certain_background_has_odds() -> None:
    cell = told(0.0)
    scores = cell["scores"].copy()
    scores[cell["labels"] == 1] = (-200, 0)
    certain = CellResult({**cell.arrays, "scores": scores})
    assert miss_rate(certain, SpeakerBootstrap(cell["units"], 3), 0.01).tolist() == [0] * 4


def claims_of(errors: dict[tuple[int, str], float], seeds: int = 2) -> dict[str, tuple[str, float]]:
    config = configured(imbalances=[1, 20, 100], events=["go"], seeds=seeds, replicates=50)
    results = [
        (
            Cell(method=cell_method(WORDS, imbalance, method), seed=seed),
            told(errors.get((imbalance, method), 0.5)),
        )
        for seed in range(seeds)
        for imbalance in config.imbalances
        for method in METHODS
    ]
    table = arora_table(results, config)
    assert len(table.rows) == 18
    return {claim.statement: (claim.reproduced, round(claim.ours.value, 4)) for claim in table.claims}


def test_claims_of_a_gain_that_grows() -> None:
    found = claims_of({(20, CLUSTERED): 0.4, (100, CLUSTERED): 0.35, (20, SIAMESE): 0.4, (100, SIAMESE): 0.4})
    least = "Clustered pre-training cuts the balanced error of class weights by at least 15 %: rare keywords, 1:"
    assert found == {
        f"{least}20": ("yes", 0.2),
        f"{least}100": ("yes", 0.3),
        "That cut is larger at 1:100 than at 1:1: rare keywords": ("yes", 0.3),
        "Clustered errs less than siamese pre-training: rare keywords, mean error of 1:20, 1:100": ("yes", 0.0625),
    }


def test_claims_of_no_gain() -> None:
    found = claims_of({(100, WEIGHTED): 0.45})
    assert {verdict for verdict, _ in found.values()} == {"no"}
    assert found["That cut is larger at 1:100 than at 1:1: rare keywords"] == ("no", -0.1111)


def test_rows_hold_reductions_and_notes_say_what_was_heard() -> None:
    config = configured(imbalances=[20], events=["go"], replicates=50)
    results = [
        (Cell(method=cell_method(WORDS, 20, method), seed=0), told(0.25 if method == CLUSTERED else 0.5))
        for method in METHODS
    ]
    table = STUDY.table(results, config)
    rows = {row.method: row.figures for row in table.rows}
    assert rows[CLUSTERED]["reduction"].value == pytest.approx(0.5)
    assert rows[CLUSTERED]["siamese_reduction"].value == pytest.approx(0.5)
    assert "reduction" not in rows[WEIGHTED]
    assert rows[SIAMESE]["error"].value == pytest.approx(0.5)
    assert table.notes[0].endswith("mean error of 1:20 by 50.0 % [50.0, 50.0]; clustered pre-training is better.")
    assert "tested on 240 segments of 1 events from 12 speakers and 240 of background" in table.notes[1]
    assert "1:20 10 (7 to 7 speakers an event) and 100 (3)" in table.notes[1]
    assert any("end to end 2" in note for note in table.notes)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01, 0.3, "clustered pre-training is better"),
        (-0.3, -0.01, "siamese pre-training is better"),
        (-0.1, 0.2, "do not tell"),
        (math.nan, math.nan, "there is no interval"),
    ],
)
def test_the_open_question_is_answered_by_the_interval(low: float, high: float, told: str) -> None:
    sentence = answer(WORDS, Estimate(0.1, low, high, 0), [20, 100])
    assert told in sentence
    assert "mean error of 1:20, 1:100 by 10.0 %" in sentence
