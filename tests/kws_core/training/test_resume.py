"""A run that is killed after any epoch and gone on from its checkpoint ends like an undisturbed one, bit for bit."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import toy_data
from training_runs import all_weights, run

from kws_core.config import (
    AugmentationConfig,
    EncoderConfig,
    FeaturesConfig,
    LossConfig,
    SamplingConfig,
    WaveformAugmentationConfig,
)
from kws_core.errors import TrainingError

MASKS = AugmentationConfig(time_masks=1, max_time_mask_s=0.03, vocal_tract_share=0)
CASES = {
    "adamw": {},
    "adam, average": {"optimizer": "adam", "ema_decay": 0.9},
    "sgd, plateau, best kept": {"optimizer": "sgd", "schedule": "plateau", "plateau_gain": 0.2, "patience": 2},
    "average, best kept": {"ema_decay": 0.99, "patience": 1, "schedule": "constant"},
    "bfloat16": {"precision": "bfloat16"},
    "masks, oversampled, fractional warm-up": {
        "augmentation": MASKS,
        "sampling": SamplingConfig(name="oversampled"),
        "warm_up_epochs": 1.5,
    },
    "episodes, learned scale": {
        "loss": LossConfig(name="angular_prototypical"),
        "sampling": SamplingConfig(name="episodes", classes_per_batch=3, samples_per_class=3),
    },
    "dropout": {"encoder": EncoderConfig(embedding_dim=8), "features": FeaturesConfig(frames=16)},
}


def checkpoints_of(**options):
    made = []
    return run(on_epoch=lambda report, dump: made.append(dump()), **options), made


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_ends_like_an_undisturbed_one(case):
    data = toy_data(noise=2.0)
    if case == "dropout":  # BC-ResNet: what a batch drops must not depend on what ran before
        data = replace(data, features=np.tile(data.features, (1, 1, 5)))
    check_resumes(data, CASES[case])


def test_a_run_on_waveforms_resumes_too():
    rng = np.random.default_rng(0)
    data = replace(toy_data(), audio=rng.integers(-9000, 9000, (84, 16000)).astype(np.int16))
    features = FeaturesConfig(mel_bins=12, coefficients=8)
    data = replace(
        data,
        features=rng.normal(size=(84, 99, 8)).astype(np.float16),
        noise=rng.normal(size=(2, 20000)).astype(np.float32),
    )
    distorted = WaveformAugmentationConfig(
        speed_share=0.5, noise_share=0.5, reverberation_share=0.3, narrow_band_share=0.3, shift_share=0.3
    )
    augmentation = AugmentationConfig(waveform=distorted)
    check_resumes(data, {"augmentation": augmentation, "features": features, "input": "waveforms", "epochs": 2})


def check_resumes(data, options):
    whole, checkpoints = checkpoints_of(data=data, **options)
    assert len(checkpoints) == len(whole.history) > 1
    for epoch, checkpoint in enumerate(checkpoints, start=1):
        seen = []
        resumed = run(
            data, checkpoint=checkpoint, on_epoch=lambda report, dump, seen=seen: seen.append(report.epoch), **options
        )
        assert seen == list(range(epoch + 1, len(whole.history) + 1))
        assert all_weights(resumed) == all_weights(whole)
        assert resumed.history == whole.history
        assert resumed.delivered == whole.delivered


def test_a_checkpoint_loads_without_pickled_code():
    _, (checkpoint,) = checkpoints_of(epochs=1)
    saved = torch.load(io.BytesIO(checkpoint), weights_only=True)
    assert {"modules", "optimiser", "average", "best", "history"} < set(saved)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 5}, r"another run: spec\.training\.epochs is 4 there and 5 here"),
        ({"seed": 9}, "another run: seed is 0 there and 9 here"),
        ({"loss": LossConfig(scale=11)}, r"spec\.loss\.\w+ is .* there and .* here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(options, message):
    _, checkpoints = checkpoints_of()
    with pytest.raises(TrainingError, match=message) as raised:
        run(checkpoint=checkpoints[0], **options)
    assert "\n" not in str(raised.value)


def test_a_damaged_checkpoint_is_refused():
    _, checkpoints = checkpoints_of(epochs=2)
    whole = checkpoints[0]
    for content in (b"", b"no checkpoint", whole[: len(whole) // 2]):
        with pytest.raises(TrainingError, match="damaged") as raised:
            run(checkpoint=content, epochs=2)
        assert "\n" not in str(raised.value)
    sink = io.BytesIO()
    torch.save({"weights": torch.zeros(2)}, sink)
    with pytest.raises(TrainingError, match="not of the kind"):
        run(checkpoint=sink.getvalue(), epochs=2)


def test_a_checkpoint_that_lacks_something_is_refused():
    _, checkpoints = checkpoints_of(epochs=2)
    saved = torch.load(io.BytesIO(checkpoints[0]), weights_only=True)
    saved["modules"].pop("encoder.projection.bias")
    sink = io.BytesIO()
    torch.save(saved, sink)
    with pytest.raises(TrainingError, match=r"does not fit the run.*encoder\.projection\.bias") as raised:
        run(checkpoint=sink.getvalue(), epochs=2)
    assert "\n" not in str(raised.value)
