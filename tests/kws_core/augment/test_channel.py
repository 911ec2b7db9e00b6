"""Gain and channel against the front end and the definition of the curves."""

import numpy as np
import pytest
import torch

from kws_core.augment import Channel, channel_curves
from kws_core.config import FeaturesConfig
from kws_core.features import Frontend

SILENCE = np.linspace(-50, -40, 40, dtype=np.float32)


@pytest.mark.parametrize("kind", ["mfcc", "log_mel"])
def test_a_gain_is_what_the_front_end_makes_of_louder_samples(kind):
    config = FeaturesConfig(kind=kind)
    waveform = torch.randn(1, 16000, generator=torch.Generator().manual_seed(1)) * 0.05
    frontend = Frontend(config)
    louder = frontend(waveform * 10 ** (6 / 20)) - frontend(waveform)
    expected = 6 * channel_curves(config)[0].expand_as(louder)
    torch.testing.assert_close(louder, expected, atol=2e-3, rtol=0)


def test_channels_are_slow_spectra_and_leave_digital_silence_alone():
    config = FeaturesConfig(kind="log_mel")
    curves = channel_curves(config).numpy()
    bands = (np.arange(40) + 0.5) / 40
    for number, curve in enumerate(curves):
        np.testing.assert_allclose(curve, np.log(10) / 10 * np.cos(np.pi * number * bands), atol=1e-6)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(500, 99, 40, generator=generator)
    features[:, :20] = torch.from_numpy(SILENCE)
    output = Channel(3, 2, FeaturesConfig(), SILENCE)(features, generator)
    assert torch.equal(output[:, :20], features[:, :20])
    added = (output - features)[:, 20:]
    torch.testing.assert_close(added, added[:, :1].expand_as(added), atol=1e-4, rtol=0)
    weights = np.linalg.lstsq(channel_curves(FeaturesConfig()).numpy().T, added[:, 0].numpy().T, rcond=None)[0]
    assert np.abs(weights[0]).max() <= 3.001
    np.testing.assert_allclose(weights[1:].std(axis=1), 2, rtol=0.15)
