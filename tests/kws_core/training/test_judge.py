"""Costs by trials and by classes, early stopping and what is delivered."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import toy_data
from training_runs import make_spec, run, weights

from kws_core.config import LossConfig, TrainingConfig
from kws_core.errors import TrainingError
from kws_core.training import fit
from kws_core.training.judge import balanced_error

SOFTMAX = LossConfig(name="softmax")


def test_balanced_error_counts_every_class_alike():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 4])
    predicted = np.array([0, 0, 0, 1, 1, 4, 1, 0, 4])
    assert balanced_error(predicted, labels) == pytest.approx((3 / 6 + 1 / 2 + 0) / 3)


def test_without_trials_the_classifier_is_judged():
    data = replace(toy_data(noise=3.0), trials={})
    result = run(data, loss=SOFTMAX, epochs=2)
    with torch.inference_mode():
        embeddings = result.encoder(torch.from_numpy(data.features.astype(np.float32)))
        predicted = result.loss.logits(embeddings).argmax(dim=1).numpy()
    shares = []
    for label in range(data.classes):
        rows = [row for row in data.development if data.label_ids[row] == label]
        shares.append(sum(predicted[row] != label for row in rows) / len(rows))
    report = result.history[-1]
    assert report.cost == report.development_error == pytest.approx(np.mean(shares))
    assert 0 < report.cost < 1
    assert math.isnan(report.development_eer)


def test_classes_can_be_judged_beside_trials():
    report = run(loss=SOFTMAX, judged_by="classes", epochs=1).history[0]
    assert report.cost == report.development_error
    assert 0 <= report.development_eer < 1


def test_without_anything_to_judge_by_the_cost_is_no_number():
    data = replace(toy_data(), trials={}, development=np.empty(0, np.int64))
    assert math.isnan(run(data, epochs=1).history[0].cost)
    for options in ({"patience": 1}, {"schedule": "plateau"}):
        with pytest.raises(TrainingError, match="need a development cost"):
            run(data, **options)
    with pytest.raises(TrainingError, match="no development pair lists"):
        run(data, judged_by="trials")
    with pytest.raises(TrainingError, match="needs development rows and a classifier"):
        run(data, judged_by="classes")


def test_training_stops_without_a_better_cost_and_delivers_the_best_weights():
    data = toy_data(noise=4.0)
    training = {"epochs": 40, "learning_rate": 0.02, "schedule": "constant", "patience": 3, "warm_up_epochs": 0}
    result = run(data, **training)
    costs = [report.cost for report in result.history]
    best = costs.index(min(costs))
    assert len(costs) == best + 1 + 3 < 40
    assert result.delivered == result.history[best]
    # the same run, cut off after its best epoch, ends with the weights that were delivered
    training["epochs"] = best + 1
    assert weights(run(data, **{**training, "patience": 0})) == weights(result)


def test_plateau_lowers_the_rate_of_a_run():
    """A run whose cost never gains enough goes on like one whose rate is lowered by hand."""
    training = TrainingConfig(epochs=2, schedule="plateau", plateau_gain=0.999, warm_up_epochs=0, batch_size=500)
    lowered = fit(toy_data(), make_spec(training=training), 0)
    constant = fit(toy_data(), make_spec(training=training.model_copy(update={"schedule": "constant"})), 0)
    assert weights(lowered) == weights(constant), "the first cost decides over the third epoch at the earliest"
    training = training.model_copy(update={"epochs": 3})
    lowered = fit(toy_data(), make_spec(training=training), 0)
    constant = fit(toy_data(), make_spec(training=training.model_copy(update={"schedule": "constant"})), 0)
    assert weights(lowered) != weights(constant)
