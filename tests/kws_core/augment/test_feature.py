"""What all distortions of features keep, together."""

import torch

from kws_core.augment import Channel, FeatureAugment, SpecAugment, Surroundings, VocalTract
from kws_core.config import AugmentationConfig, FeaturesConfig
from kws_core.features import Frontend, silence_features

FEATURES = FeaturesConfig()
SILENCE = silence_features(FEATURES)
ALL = AugmentationConfig(vocal_tract_share=0.5, time_masks=2, frequency_masks=2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch():
    return torch.randn(20, 99, 40, generator=seeded(5)), torch.tensor([[30, 60]]).expand(20, 2)


def test_operations_follow_each_other_on_one_generator():
    features, words = batch()
    found = FeatureAugment(ALL, FEATURES, SILENCE)(features, words, seeded(1))
    generator = seeded(1)
    expected = VocalTract(0.5, ALL.max_vocal_tract_change, FEATURES)(features, generator)
    expected = Surroundings(ALL, FEATURES, SILENCE)(expected, words, generator)
    expected = Channel(ALL.gain_db, ALL.channel_db, FEATURES, SILENCE)(expected, generator)
    expected = SpecAugment(ALL, FEATURES)(expected, generator)
    assert torch.equal(found, expected)


def test_vocal_tract_and_masks_draw_nothing_where_they_are_off():
    features, words = batch()
    generator, other = seeded(), seeded()
    FeatureAugment(AugmentationConfig(), FEATURES, SILENCE)(features, words, generator)
    torch.rand(3, 20, generator=other)
    torch.randint(0, 6, (20, 2), generator=other)
    torch.randint(-10, 11, (20,), generator=other)
    torch.randperm(20, generator=other)
    torch.rand(20, 1, generator=other)
    torch.randn(20, 6, generator=other)
    assert torch.equal(generator.get_state(), other.get_state())


def test_same_generator_same_output_and_the_input_is_left_alone():
    features, words = batch()
    before = features.clone()
    augment = FeatureAugment(ALL, FEATURES, SILENCE)
    one, same, other = (augment(features, words, seeded(n)) for n in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(features, before)
    assert one.dtype == torch.float32


def test_fewer_coefficients_do_where_nothing_needs_log_mel():
    config = FeaturesConfig(coefficients=20)
    features, words = batch()
    augment = FeatureAugment(AugmentationConfig(time_masks=1), config, silence_features(config))
    assert augment(features[:, :, :20], words, seeded()).shape == (20, 99, 20)


def test_digital_silence_is_left_as_it_is():
    silent = Frontend(FEATURES)(torch.zeros(10, 16000))
    output = FeatureAugment(ALL, FEATURES, SILENCE)(silent, torch.tensor([[30, 60]]).expand(10, 2), seeded())
    torch.testing.assert_close(output, silent, atol=1e-3, rtol=0)
