"""Batches of stored features and of sound."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import NO_AUGMENTATION, SMALL_FEATURES, toy_data
from training_runs import make_spec

from kws_core.augment import FeatureAugment, WaveformAugment
from kws_core.config import AugmentationConfig, FeaturesConfig, TrainingConfig, WaveformAugmentationConfig
from kws_core.features import Frontend, silence_features
from kws_core.training.batches import DeviceRows, batch_source, stretched

CPU = torch.device("cpu")
ROWS = np.array([7, 2, 2, 40])


def test_rows_come_in_the_order_asked_for_as_float32():
    array = np.arange(24, dtype=np.int16).reshape(6, 4)
    array.flags.writeable = False
    found = DeviceRows(array, CPU)(np.array([5, 0, 5]))
    assert found.dtype == torch.float32
    assert found.tolist() == array[[5, 0, 5]].tolist()


def test_features_are_augmented_by_the_generator():
    data, augmentation = toy_data(), AugmentationConfig(max_shift_s=0.03)
    source = batch_source(data, make_spec(augmentation=augmentation), CPU)
    augment = FeatureAugment(augmentation, SMALL_FEATURES, silence_features(SMALL_FEATURES))
    expected = augment(
        torch.from_numpy(data.features[ROWS].astype(np.float32)),
        torch.from_numpy(data.word_frames[ROWS]),
        torch.Generator().manual_seed(3),
    )
    assert torch.equal(source(ROWS, torch.Generator().manual_seed(3)), expected)
    assert not torch.equal(source(ROWS, torch.Generator().manual_seed(4)), expected)


def sound(config):
    rng = np.random.default_rng(1)
    return replace(
        toy_data(),
        audio=rng.integers(-20000, 20000, (84, 16000)).astype(np.int16),
        word_frames=np.tile(np.array([30, 70]), (84, 1)),
    )


def test_undistorted_waveforms_give_the_features_of_the_sound():
    config = FeaturesConfig()
    data = sound(config)
    spec = make_spec(features=config, training=TrainingConfig(input="waveforms"), augmentation=NO_AUGMENTATION)
    found = batch_source(data, spec, CPU)(ROWS, torch.Generator())
    expected = Frontend(config)(torch.from_numpy(data.audio[ROWS].astype(np.float32) / 32768))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_waveforms_are_distorted_before_and_augmented_after_the_front_end():
    config = FeaturesConfig()
    data = sound(config)
    waveform = WaveformAugmentationConfig(speed_share=0.7, noise_share=0.5)
    augmentation = AugmentationConfig(mask_context_share=0.5, waveform=waveform)
    spec = make_spec(features=config, training=TrainingConfig(input="waveforms"), augmentation=augmentation)
    found = batch_source(data, spec, CPU)(ROWS, torch.Generator().manual_seed(5))

    generator = torch.Generator().manual_seed(5)
    pcm, stretch = WaveformAugment(waveform, None)(torch.from_numpy(data.audio[ROWS] / np.float32(32768)), generator)
    assert (stretch != 1).any()
    words = []
    for factor in stretch.tolist():
        first, after = 49.5 + (30 - 49.5) * factor, 49.5 + (70 - 49.5) * factor
        words.append([int(np.floor(first + 1e-3)), int(np.ceil(after - 1e-3))])
    augment = FeatureAugment(augmentation, config, silence_features(config))
    expected = augment(Frontend(config)(pcm), torch.tensor(words), generator)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("word", "factor", "expected"),
    [
        ((30, 70), 1.0, (30, 70)),
        ((0, 99), 1.0, (0, 99)),
        ((29, 70), 2.0, (8, 91)),
        ((0, 99), 1.3, (0, 99)),
        ((40, 59), 0.5, (44, 55)),
        ((49, 50), 0.5, (49, 50)),
    ],
)
def test_words_are_stretched_about_the_middle(word, factor, expected):
    assert stretched(torch.tensor([word]), torch.tensor([factor]), 99).tolist() == [list(expected)]
