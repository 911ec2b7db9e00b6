"""`fit()`: it learns, repeats itself, resumes, and says so when it cannot go on."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import NO_AUGMENTATION, SMALL_ENCODER, SMALL_FEATURES, toy_data

import kws_core.training as training_module
from kws_core.config import AugmentationConfig, EncoderConfig, FeaturesConfig, LossConfig, TrainingConfig
from kws_core.encoders import build_encoder
from kws_core.errors import TrainingError
from kws_core.evaluation.det import eer, frr_at_far
from kws_core.training import embed, fit

TRAINING = TrainingConfig(epochs=4, batch_size=8, learning_rate=5e-3)
LOSS = LossConfig(scale=10, margin=0.1, margin_ramp_epochs=3)


def run(data=None, *, training=TRAINING, loss=LOSS, augmentation=None, seed=0, **more):
    return fit(
        toy_data() if data is None else data,
        more.pop("features", SMALL_FEATURES),
        more.pop("encoder", SMALL_ENCODER),
        loss,
        training,
        AugmentationConfig(max_shift_s=0.03) if augmentation is None else augmentation,
        seed,
        **more,
    )


def weights(encoder):
    return {name: value.numpy().tobytes() for name, value in encoder.state_dict().items()}


def test_loss_falls_and_separable_labels_are_learnt():
    data = toy_data()
    encoder, history = run(data, training=TRAINING.model_copy(update={"epochs": 14}), augmentation=NO_AUGMENTATION)
    assert [report.epoch for report in history] == list(range(1, 15))
    assert history[-1].loss < history[0].loss / 10
    assert history[-1].development_eer < history[0].development_eer / 3
    assert not encoder.training
    with torch.inference_mode():
        found = torch.nn.functional.normalize(encoder(torch.from_numpy(data.features.astype(np.float32)))).numpy()
    train, labels = found[data.train], data.label_ids[data.train]
    centroids = np.stack([train[labels == label].mean(axis=0) for label in range(data.classes)])
    known = np.setdiff1d(np.flatnonzero(data.label_ids >= 0), data.train)
    decided = (found[known] @ centroids.T).argmax(axis=1)
    assert (decided == data.label_ids[known]).mean() > 0.95, "held-out segments of trained labels"


def test_the_same_seed_gives_the_same_weights_bit_for_bit_and_another_does_not():
    first, history = run(seed=3)
    second, again = run(seed=3)
    assert weights(first) == weights(second)
    assert history == again
    assert weights(first) != weights(run(seed=4)[0])


@pytest.mark.parametrize("encoder", [SMALL_ENCODER, EncoderConfig(embedding_dim=8)], ids=["res15", "bc_resnet_1"])
def test_a_resumed_run_ends_like_an_undisturbed_one(encoder):
    """With dropout (BC-ResNet) too: what a batch drops must not depend on what ran before."""
    if encoder.name == "res15":
        data, features = toy_data(), SMALL_FEATURES
    else:
        data, features = toy_data(), FeaturesConfig(frames=16)
        data = replace(data, features=np.tile(data.features, (1, 1, 5)))
    checkpoints = []
    whole, history = run(
        data, encoder=encoder, features=features, on_epoch=lambda report, dump: checkpoints.append(dump())
    )
    assert len(checkpoints) == TRAINING.epochs
    for epoch, checkpoint in enumerate(checkpoints, start=1):
        seen = []
        resumed, reports = run(
            data,
            encoder=encoder,
            features=features,
            checkpoint=checkpoint,
            on_epoch=lambda report, dump, seen=seen: seen.append(report.epoch),
        )
        assert seen == list(range(epoch + 1, TRAINING.epochs + 1))
        assert weights(resumed) == weights(whole)
        assert reports == history


def test_a_checkpoint_loads_without_pickled_code():
    checkpoints = []
    run(training=TRAINING.model_copy(update={"epochs": 1}), on_epoch=lambda _, dump: checkpoints.append(dump()))
    saved = torch.load(io.BytesIO(checkpoints[0]), weights_only=True)
    assert set(saved) == {"encoder", "loss", "optimizer", "history"}


def test_features_that_are_not_numbers_stop_the_run():
    data = toy_data()
    data.features[5] = np.nan
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1, step \d+") as raised:
        run(data)
    assert "\n" not in str(raised.value)


def test_a_huge_learning_rate_stops_the_run():
    with pytest.raises(TrainingError, match=r"lower training\.learning_rate \(1e\+30\)") as raised:
        run(training=TRAINING.model_copy(update={"learning_rate": 1e30}))
    assert "\n" not in str(raised.value)


def test_a_run_that_diverges_in_its_last_step_says_so_too():
    data = toy_data()
    training = TrainingConfig(epochs=1, batch_size=len(data.train), learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"epoch 1.*lower training\.learning_rate \(1e\+30\)"):
        run(data, training=training)


def test_development_features_that_are_not_numbers_stop_the_run():
    data = toy_data()
    data.features[data.trials["development in-vocabulary"][0][0]] = np.nan
    with pytest.raises(TrainingError, match="embeddings of development segments are not finite after epoch 1"):
        run(data)


def record_schedule(monkeypatch):
    """Learning rate and margin of every step, as the optimiser and the loss see them."""
    rates, margins = [], []

    class RecordingAdamW(torch.optim.AdamW):
        def step(self, *arguments, **keywords):
            rates.append([group["lr"] for group in self.param_groups])
            return super().step(*arguments, **keywords)

    build = training_module.build_loss

    def recording_loss(*arguments):
        loss = build(*arguments)
        loss.register_forward_pre_hook(lambda module, _: margins.append(module.margin))
        return loss

    monkeypatch.setattr(torch.optim, "AdamW", RecordingAdamW)
    monkeypatch.setattr(training_module, "build_loss", recording_loss)
    return rates, margins


@pytest.mark.parametrize(("epochs", "ramp", "most"), [(5, 3, 0), (5, 0, 0), (3, 8, 2), (1, 1, 0)])
def test_learning_rate_and_margin_follow_their_schedules(monkeypatch, epochs, ramp, most):
    rates, margins = record_schedule(monkeypatch)
    data = toy_data()
    training = TrainingConfig(epochs=epochs, batch_size=9, learning_rate=4e-3, max_steps_per_epoch=most)
    run(data, training=training, loss=LOSS.model_copy(update={"margin_ramp_epochs": ramp}))
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
    data.features[:, 0, 0] = np.arange(len(data.features))  # the number of the row, legible in every batch
    batches = []

    class Reading(training_module.FeatureAugment):
        def __call__(self, features, word_frames, generator):
            batches.append(features[:, 0, 0].int().tolist())
            return super().__call__(features, word_frames, generator)

    monkeypatch.setattr(training_module, "FeatureAugment", Reading)
    run(data, training=TRAINING.model_copy(update={"epochs": 2}), augmentation=NO_AUGMENTATION)
    steps = len(data.train) // TRAINING.batch_size
    epochs = [[row for batch in batches[at : at + steps] for row in batch] for at in (0, steps)]
    for rows in epochs:
        assert sorted(rows) == data.train.tolist()
    assert epochs[0] != epochs[1]


def test_fewer_segments_than_a_batch_are_one_step(monkeypatch):
    rates, _ = record_schedule(monkeypatch)
    run(training=TrainingConfig(epochs=3, batch_size=500))
    assert len(rates) == 3


def test_reports_are_the_error_rates_of_the_embeddings():
    data = toy_data(noise=2.5)
    encoder, history = run(data, training=TRAINING.model_copy(update={"epochs": 1}))
    both = embed(encoder, data)
    figures = []
    with torch.inference_mode():
        raw = encoder(torch.from_numpy(data.features.astype(np.float32))).numpy()
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    for name, (left, right, same) in data.trials.items():
        np.testing.assert_allclose(both[name], np.concatenate([unit[left], unit[right]]), atol=1e-5)
        scores = np.array([unit[a] @ unit[b] for a, b in zip(left, right, strict=True)])
        figures.append((eer(scores, same), frr_at_far(scores, same, 0.02)))
    expected = np.mean(figures, axis=0)
    assert history[0].development_eer == pytest.approx(expected[0], abs=1e-3)
    assert history[0].development_frr == pytest.approx(expected[1], abs=1e-3)
    assert 0 < history[0].development_eer < 1


def test_training_starts_from_the_weights_of_the_seed():
    training = TrainingConfig(epochs=1, batch_size=500, learning_rate=1e-12)
    encoder, _ = run(training=training, seed=7)
    torch.manual_seed(7)
    fresh = build_encoder(SMALL_ENCODER, SMALL_FEATURES)
    for (name, value), expected in zip(encoder.named_parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(value, expected, atol=1e-9, rtol=0, msg=name)
