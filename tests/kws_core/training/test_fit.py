"""`fit()`: it learns, repeats itself, starts and ends as asked, and says so when it cannot go on."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import NO_AUGMENTATION, SMALL_ENCODER, SMALL_FEATURES, toy_data
from training_runs import LOSS, TRAINING, make_spec, run, weights

from kws_core.config import LossConfig, TrainingConfig, TrainingSpec
from kws_core.encoders import build_encoder
from kws_core.errors import TrainingError
from kws_core.evaluation.det import eer, frr_at_far
from kws_core.training import embed, fit
from kws_core.training import epoch as epoch_module
from kws_core.training import fit as fit_function


def test_loss_falls_and_separable_labels_are_learnt():
    data = toy_data()
    result = run(data, augmentation=NO_AUGMENTATION, epochs=14)
    history = result.history
    assert [report.epoch for report in history] == list(range(1, 15))
    assert history[-1].loss < history[0].loss / 10
    assert history[-1].development_eer < history[0].development_eer / 3
    assert result.delivered == history[-1]
    assert not result.encoder.training
    with torch.inference_mode():
        found = torch.nn.functional.normalize(result.encoder(torch.from_numpy(data.features.astype(np.float32))))
    found = found.numpy()
    train, labels = found[data.train], data.label_ids[data.train]
    centroids = np.stack([train[labels == label].mean(axis=0) for label in range(data.classes)])
    decided = (found[data.development] @ centroids.T).argmax(axis=1)
    assert (decided == data.label_ids[data.development]).mean() > 0.95, "held-out segments of trained labels"


def test_the_same_seed_gives_the_same_weights_bit_for_bit_and_another_does_not():
    first, second = run(seed=3), run(seed=3)
    assert weights(first) == weights(second)
    assert first.history == second.history
    assert weights(first) != weights(run(seed=4))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns(optimizer):
    history = run(augmentation=NO_AUGMENTATION, optimizer=optimizer, epochs=6).history
    assert history[-1].loss < history[0].loss / 2


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_one_step_is_that_of_torch(optimizer):
    """One batch, one epoch: the same step by torch's own plain optimiser, weight decay and clipping included."""
    data = toy_data()
    training = {"epochs": 1, "batch_size": 500, "optimizer": optimizer, "weight_decay": 0.1, "clip_norm": 0.5}
    result = run(data, augmentation=NO_AUGMENTATION, loss=LossConfig(name="softmax"), seed=2, **training)
    torch.manual_seed(2)
    encoder = build_encoder(SMALL_ENCODER, SMALL_FEATURES)
    head = torch.nn.Linear(8, data.classes)
    # where the loss starts is its own matter
    untouched = run(data, loss=LossConfig(name="softmax"), seed=2, **{**training, "learning_rate": 1e-30})
    with torch.no_grad():
        for name, value in untouched.loss.named_parameters():
            getattr(head, name.split(".")[-1]).copy_(value)
    parameters = [*encoder.parameters(), *head.parameters()]
    build = {
        "adam": lambda: torch.optim.Adam(parameters, lr=5e-3, weight_decay=0.1),
        "adamw": lambda: torch.optim.AdamW(parameters, lr=5e-3, weight_decay=0.1),
        "sgd": lambda: torch.optim.SGD(parameters, lr=5e-3, weight_decay=0.1, momentum=0.9),
    }
    optimiser = build[optimizer]()
    inputs = torch.from_numpy(data.features[data.train].astype(np.float32))
    loss = torch.nn.functional.cross_entropy(head(encoder(inputs)), torch.from_numpy(data.label_ids[data.train]))
    loss.backward()
    norm = math.sqrt(sum(float((parameter.grad**2).sum()) for parameter in parameters))
    assert norm > 0.5, "nothing would be clipped"
    for parameter in parameters:
        parameter.grad *= 0.5 / norm
    optimiser.step()
    found = [*result.encoder.parameters(), *result.loss.parameters()]
    for value, expected in zip(found, parameters, strict=True):
        torch.testing.assert_close(value, expected, atol=3e-5, rtol=1e-3)


def test_features_that_are_not_numbers_stop_the_run():
    data = toy_data()
    data.features[5] = np.nan
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1, step \d+") as raised:
        run(data)
    assert "\n" not in str(raised.value)


def test_a_huge_learning_rate_stops_the_run():
    with pytest.raises(TrainingError, match=r"lower training\.learning_rate \(1e\+30\)") as raised:
        run(learning_rate=1e30)
    assert "\n" not in str(raised.value)


def test_a_loss_that_explodes_stops_the_run_while_it_is_still_a_number():
    with pytest.raises(TrainingError, match=r"the loss is [\d.]+e\+\d+, above 1\.?\d*e\+\d+, in epoch \d, step \d+"):
        run(loss=LossConfig(name="softmax"), optimizer="sgd", learning_rate=1e5, schedule="constant", epochs=3)


def test_a_run_that_diverges_in_its_last_step_says_so_too():
    data = toy_data()
    with pytest.raises(TrainingError, match=r"epoch 1.*lower training\.learning_rate \(1e\+30\)"):
        run(data, epochs=1, batch_size=len(data.train), learning_rate=1e30)


def test_development_features_that_are_not_numbers_stop_the_run():
    data = toy_data()
    data.features[data.trials["development in-vocabulary"][0][0]] = np.nan
    with pytest.raises(TrainingError, match="embeddings of development segments are not finite after epoch 1"):
        run(data)


@pytest.mark.parametrize(("epochs", "ramp", "most"), [(5, 3, 0), (5, 0, 0), (3, 8, 2), (1, 1, 0)])
def test_learning_rate_and_margin_follow_their_schedules(monkeypatch, epochs, ramp, most):
    """As the optimiser and the loss see them in every step."""
    rates, margins = [], []

    class RecordingAdamW(torch.optim.AdamW):
        def step(self, *arguments, **keywords):
            rates.append([group["lr"] for group in self.param_groups])
            return super().step(*arguments, **keywords)

    module = __import__("sys").modules[fit.__module__]
    build = module.build_loss

    def recording_loss(*arguments):
        loss = build(*arguments)
        loss.register_forward_pre_hook(lambda module, _: margins.append(module.margin))
        return loss

    monkeypatch.setattr(torch.optim, "AdamW", RecordingAdamW)
    monkeypatch.setattr(module, "build_loss", recording_loss)
    data = toy_data()
    loss = LOSS.model_copy(update={"margin_ramp_epochs": ramp})
    run(data, loss=loss, epochs=epochs, batch_size=9, learning_rate=4e-3, max_steps_per_epoch=most)
    steps = most or len(data.train) // 9
    assert len(rates) == len(margins) == epochs * steps
    for step in range(epochs * steps):
        if epochs == 1:
            factor = (1 + math.cos(math.pi * step / steps)) / 2
        elif step < steps:
            factor = (step + 1) / steps
        else:
            factor = (1 + math.cos(math.pi * (step - steps) / ((epochs - 1) * steps))) / 2
        assert rates[step] == pytest.approx([4e-3 * factor])
        epoch = 1 + step // steps
        assert margins[step] == pytest.approx(0.1 * (min(epoch / ramp, 1) if ramp else 1))


def test_an_epoch_takes_every_segment_at_most_once_and_in_a_new_order(monkeypatch):
    data = toy_data()
    batches = []
    original = epoch_module.EpochLoop.run

    def reading(loop, state, epoch, positions, generator):
        batches.append([int(row) for batch in positions for row in loop.rows[batch]])
        return original(loop, state, epoch, positions, generator)

    monkeypatch.setattr(epoch_module.EpochLoop, "run", reading)
    run(data, epochs=2)
    assert [sorted(rows) for rows in batches] == [data.train.tolist()] * 2
    assert batches[0] != batches[1]


def test_fewer_segments_than_a_batch_are_one_step():
    assert len(run(epochs=3, batch_size=500).history) == 3


def test_reports_are_the_error_rates_of_the_embeddings():
    data = toy_data(noise=2.5)
    result = run(data, epochs=1)
    both = embed(result.encoder, data)
    figures = []
    with torch.inference_mode():
        raw = result.encoder(torch.from_numpy(data.features.astype(np.float32))).numpy()
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    for name, (left, right, same) in data.trials.items():
        np.testing.assert_allclose(both[name], np.concatenate([unit[left], unit[right]]), atol=1e-5)
        scores = np.array([unit[a] @ unit[b] for a, b in zip(left, right, strict=True)])
        figures.append((eer(scores, same), frr_at_far(scores, same, 0.02)))
    expected = np.mean(figures, axis=0)
    report = result.history[0]
    assert report.development_eer == report.cost == pytest.approx(expected[0], abs=1e-3)
    assert report.development_frr == pytest.approx(expected[1], abs=1e-3)
    assert 0 < report.development_eer < 1
    assert math.isnan(report.development_error)


def test_training_starts_from_the_weights_of_the_seed():
    encoder = run(epochs=1, batch_size=500, learning_rate=1e-12, seed=7).encoder
    torch.manual_seed(7)
    fresh = build_encoder(SMALL_ENCODER, SMALL_FEATURES)
    for (name, value), expected in zip(encoder.named_parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(value, expected, atol=1e-9, rtol=0, msg=name)


def test_training_starts_from_the_weights_that_are_given():
    initial = run(seed=1).encoder.state_dict()
    kept = {name: value.clone() for name, value in initial.items()}
    result = run(epochs=1, batch_size=500, learning_rate=1e-12, seed=7, initial=initial)
    for name, value in result.encoder.named_parameters():
        torch.testing.assert_close(value, kept[name], atol=1e-9, rtol=0, msg=name)
    assert all(torch.equal(value, kept[name]) for name, value in initial.items()), "what was given stays as it was"


def test_initial_weights_of_another_encoder_are_refused():
    initial = run(epochs=1).encoder.state_dict()
    wrong = {**initial, "projection.bias": torch.zeros(3)}
    with pytest.raises(TrainingError, match=r"initial weight 'projection\.bias' is \[3\], the encoder's \[8\]"):
        run(initial=wrong)
    with pytest.raises(TrainingError, match=r"initial weights lack 'projection\.bias'"):
        run(initial={name: value for name, value in initial.items() if name != "projection.bias"})
    with pytest.raises(TrainingError, match="encoder has no weight 'zoo'"):
        run(initial={**initial, "zoo": torch.zeros(1)})


def test_a_frozen_encoder_stays_as_it_is_while_the_classifier_learns():
    initial = run(loss=LossConfig(name="softmax"), epochs=3).encoder.state_dict()
    kept = {name: value.numpy().tobytes() for name, value in initial.items()}
    result = run(loss=LossConfig(name="softmax"), initial=initial, freeze_encoder=True, epochs=8)
    assert weights(result) == kept
    assert result.history[-1].loss < result.history[0].loss
    with pytest.raises(TrainingError, match="nothing would learn"):
        run(loss=LossConfig(name="triplet", margin=0.3), freeze_encoder=True)


def test_waveforms_are_asked_for_but_absent():
    with pytest.raises(TrainingError, match="waveforms needs waveforms"):
        run(input="waveforms")


@pytest.mark.parametrize("non_targets", ["unknown_cluster", "negatives_only"])
def test_non_targets_enter_as_the_loss_is_told(non_targets):
    data = replace(toy_data(), targets=(1, 3))
    name = "ap_fc" if non_targets == "negatives_only" else "am_softmax"
    loss = LossConfig(name=name, non_targets=non_targets, margin=0.1, scale=10)
    result = run(data, loss=loss, augmentation=NO_AUGMENTATION, epochs=6)
    classes = 2 if non_targets == "negatives_only" else 3
    assert result.loss.weight.shape[0] == classes
    assert result.history[-1].loss < result.history[0].loss


def test_a_spec_is_what_is_trained():
    spec = make_spec(training=TrainingConfig(epochs=1))
    assert isinstance(spec, TrainingSpec)
    assert fit_function(toy_data(), spec, 0).encoder.embedding_dim == SMALL_ENCODER.embedding_dim
    assert TRAINING.epochs == 4
