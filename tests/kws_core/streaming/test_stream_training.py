"""`fit()` on a stream: as good as on the cache, gone on from bit for bit, and the same where all fits the window."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import SMALL_ENCODER, SMALL_FEATURES, toy_data
from streams import ArrayStream, blocks_of

from kws_core.config import (
    AugmentationConfig,
    LossConfig,
    SamplingConfig,
    StrategyConfig,
    TrainingConfig,
    TrainingSpec,
)
from kws_core.errors import TrainingError
from kws_core.strategies import two_stage
from kws_core.training import fit

ROW_BYTES = 2 * SMALL_FEATURES.frames * SMALL_FEATURES.coefficients
BATCHES = {
    "shuffled": (SamplingConfig(), LossConfig(scale=10, margin=0.1)),
    "episodes": (
        SamplingConfig(name="episodes", classes_per_batch=3, samples_per_class=3),
        LossConfig(name="angular_prototypical"),
    ),
}


def spec_of(name="shuffled", **training):
    sampling, loss = BATCHES[name]
    values = {"epochs": 5, "batch_size": 8, "learning_rate": 5e-3, "data": "stream", **training}
    return TrainingSpec(
        features=SMALL_FEATURES,
        encoder=SMALL_ENCODER,
        loss=loss,
        sampling=sampling,
        training=TrainingConfig(**values),
        augmentation=AugmentationConfig(max_shift_s=0.03),
    )


def streamed(data, window_rows):
    """The same data with its training rows, which come last then, in a stream."""
    held = np.setdiff1d(np.arange(len(data.label_ids)), data.train)
    order = np.concatenate([held, data.train])
    place = np.argsort(order)
    labels, first = data.label_ids[order], len(held)
    blocks = blocks_of(labels[first:], 6, 2, first_row=first)
    array = ArrayStream(data.features[order], blocks, window_rows * ROW_BYTES)
    trials = {name: (place[left], place[right], same) for name, (left, right, same) in data.trials.items()}
    changed = replace(
        data,
        features=data.features[held],
        label_ids=labels,
        word_frames=data.word_frames[order],
        train=np.arange(first, len(order)),
        development=place[data.development],
        trials=trials,
        stream=array.stream,
    )
    return changed, array


def weights(result):
    return {name: value.numpy().tobytes() for name, value in result.encoder.state_dict().items()}


@pytest.mark.parametrize("name", BATCHES)
def test_a_stream_reaches_the_error_of_the_cache(name):
    plain = toy_data(noise=1.0)
    data, array = streamed(plain, 36)
    cached = [fit(plain, spec_of(name), seed).delivered.development_eer for seed in range(2)]
    found = [fit(data, spec_of(name), seed).delivered.development_eer for seed in range(2)]
    assert len(array.read) > len(data.stream.blocks)  # more than one window an epoch
    assert np.mean(found) <= np.mean(cached) + max(2 * np.std(cached), 0.03)


@pytest.mark.parametrize("name", BATCHES)
def test_a_killed_run_goes_on_bit_for_bit(name):
    data, _ = streamed(toy_data(), 36)
    spec, kept = spec_of(name, epochs=3), []
    whole = fit(data, spec, 3, lambda report, dump: kept.append(dump()))
    for saved in kept[1:2]:
        resumed = fit(streamed(toy_data(), 36)[0], spec, 3, checkpoint=saved)
        assert weights(resumed) == weights(whole)
        assert resumed.history == whole.history


def test_a_window_of_everything_trains_the_very_batches_of_the_cache():
    plain = toy_data()
    data, array = streamed(plain, 1000)
    spec = spec_of(epochs=2)
    # positions of training rows are the same in both, and one window needs no other order
    assert weights(fit(data, spec, 0)) == weights(fit(plain, spec, 0))
    assert sorted(array.read) == list(range(len(data.stream.blocks)))


def test_steps_may_be_fewer_than_an_epoch_has():
    data, _ = streamed(toy_data(), 36)
    assert len(fit(data, spec_of(epochs=3, max_steps_per_epoch=1), 0).history) == 3


def test_rows_that_are_listed_repeatedly_are_drawn_repeatedly():
    data, _ = streamed(toy_data(), 36)
    data = replace(data, train=np.repeat(data.train, 2))
    assert np.isfinite(fit(data, spec_of(epochs=1), 0).delivered.loss)


def test_a_stream_of_the_wrong_kind_is_refused():
    data, _ = streamed(toy_data(), 36)
    with pytest.raises(TrainingError, match="input = waveforms, but the training buckets hold features"):
        fit(data, spec_of(input="waveforms"), 0)


def test_two_stages_need_the_cache():
    data, _ = streamed(toy_data(), 36)
    with pytest.raises(TrainingError, match="two_stage clusters all background at once"):
        two_stage(data, spec_of(), StrategyConfig(name="two_stage"), 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_a_gpu_trains_on_a_stream():
    data, _ = streamed(toy_data(), 36)
    assert np.isfinite(fit(data, spec_of(epochs=1), 0, device="cuda").delivered.loss)
