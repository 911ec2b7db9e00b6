"""Vocal tract length perturbation against the paper's formula, band by band."""

import numpy as np
import pytest
import torch

from kws_core.augment import VocalTract
from kws_core.config import FeaturesConfig
from kws_core.errors import ConfigError
from kws_core.features import Frontend
from kws_core.features.kaldi import dct_matrix

LOG_MEL = FeaturesConfig(kind="log_mel")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def to_mel(hz):
    return 1127 * np.log(1 + hz / 700)


def warped_hz(f, factor, knee=4800, half=8000):
    """Jaitly and Hinton's map of old frequencies to new ones."""
    if f <= knee * min(factor, 1) / factor:
        return f * factor
    return half - (half - knee * min(factor, 1)) / (half - knee * min(factor, 1) / factor) * (half - f)


def naive(frame, factor):
    """Read each new band of one log-mel frame where the inverse of the map, found by bisection, points to."""
    step = (to_mel(8000) - to_mel(20)) / 41
    new = np.empty(40)
    for band in range(40):
        hz = 700 * (np.exp((to_mel(20) + (band + 1) * step) / 1127) - 1)
        low, high = 0.0, 8000.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if warped_hz(middle, factor) < hz else (low, middle)
        place = min(max((to_mel(low) - to_mel(20)) / step - 1, 0), 39)
        left = min(int(place), 38)
        new[band] = frame[left] + (place - left) * (frame[left + 1] - frame[left])
    return new


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.0, 1.13, 1.3])
def test_bands_are_read_where_the_paper_puts_them(factor):
    frame = np.random.default_rng(0).normal(size=40)
    weights = VocalTract(1, 0.3, LOG_MEL).interpolation(torch.tensor([[factor]]))
    found = torch.from_numpy(frame).float() @ weights[0]
    np.testing.assert_allclose(found.numpy(), naive(frame, factor), atol=1e-4)


def test_factors_are_uniform_within_the_limits():
    place = torch.arange(40.0).expand(1000, 1, 40)
    output = VocalTract(1, 0.2, LOG_MEL)(place, seeded())[:, 0].numpy()
    bounds = [naive(np.arange(40.0), factor)[20] for factor in (0.8, 0.9, 1.0, 1.1, 1.2)][::-1]
    counts = np.histogram(output[:, 20], bounds)[0]
    assert counts.sum() >= 998
    assert counts.min() > 200


def test_a_formant_moves_by_the_factor():
    config = FeaturesConfig(kind="log_mel", mel_bins=60, coefficients=60, window_s=0.04, frames=97)
    time = torch.arange(16000) / 16000
    low, high = (Frontend(config)(0.5 * torch.sin(2 * np.pi * hz * time)[None]) for hz in (1500, 1500 * 1.2))
    moved = low @ VocalTract(1, 0.3, config).interpolation(torch.tensor([[1.2]]))
    assert (moved.argmax(dim=2) - high.argmax(dim=2)).abs().max() <= 1
    assert (low.argmax(dim=2) < high.argmax(dim=2) - 2).all()


def test_mfcc_are_warped_as_their_log_mel_energies_are():
    log_mel = torch.randn(8, 5, 40, generator=seeded(), dtype=torch.float64)
    dct = torch.from_numpy(dct_matrix(40, 40).T)
    expected = VocalTract(1, 0.15, LOG_MEL)(log_mel, seeded(1)) @ dct
    found = VocalTract(1, 0.15, FeaturesConfig())(log_mel @ dct, seeded(1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_share_is_kept_and_other_rows_keep_their_bits(share):
    features = torch.randn(500, 3, 40, generator=seeded())
    output = VocalTract(share, 0.15, FeaturesConfig())(features, seeded())
    changed = (output != features).flatten(1).any(dim=1).float().mean()
    assert changed == pytest.approx(share, abs=0.06)


def test_fewer_coefficients_than_bands_are_refused():
    with pytest.raises(ConfigError, match=r"vocal_tract_share .* not 20 and 40"):
        VocalTract(1, 0.1, FeaturesConfig(coefficients=20))
