"""SpecAugment's masks against loops."""

import numpy as np
import pytest
import torch

from kws_core.augment import SpecAugment
from kws_core.augment.spec_augment import draw_masks
from kws_core.config import AugmentationConfig, FeaturesConfig
from kws_core.errors import ConfigError
from kws_core.features.kaldi import dct_matrix

LOG_MEL = FeaturesConfig(kind="log_mel")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def masked(features, config=LOG_MEL, seed=0, **settings):
    return SpecAugment(AugmentationConfig(**settings), config)(features, seeded(seed))


def test_one_mask_is_a_stretch_of_every_width_and_place():
    masks = draw_masks(30_000, 1, 3, 5, seeded()).int().tolist()
    seen = {}
    for row in masks:
        seen[tuple(row)] = seen.get(tuple(row), 0) + 1
    expected = {(0,) * 5: 1 / 4}
    for width in (1, 2, 3):
        for first in range(5 - width + 1):
            expected[(0,) * first + (1,) * width + (0,) * (5 - width - first)] = 1 / 4 / (5 - width + 1)
    assert set(seen) == set(expected)
    for stretch, share in expected.items():
        assert seen[stretch] / 30_000 == pytest.approx(share, abs=0.01)


def test_masks_longer_than_the_row_are_cut():
    assert draw_masks(50, 2, 100, 4, seeded()).all(dim=1).any()
    assert draw_masks(50, 2, 0, 4, seeded()).sum() == 0


def test_time_masks_take_the_mean_of_the_row_and_leave_the_rest():
    features = torch.randn(60, 99, 40, generator=seeded()) + torch.arange(60.0)[:, None, None]
    output = masked(features, time_masks=2, max_time_mask_s=0.1)
    widths = []
    for row, found in zip(features.numpy(), output.numpy(), strict=True):
        changed = [frame for frame in range(99) if not np.array_equal(row[frame], found[frame])]
        np.testing.assert_allclose(found[changed], row.mean(), atol=1e-4)
        widths.append(len(changed))
    assert 12 < max(widths) <= 20


def test_frequency_masks_take_the_mean_of_the_row_and_leave_the_rest():
    features = torch.randn(60, 99, 40, generator=seeded()) + torch.arange(60.0)[:, None, None]
    output = masked(features, frequency_masks=1, max_frequency_mask_bands=6)
    widths = set()
    for row, found in zip(features.numpy(), output.numpy(), strict=True):
        changed = [band for band in range(40) if not np.array_equal(row[:, band], found[:, band])]
        assert changed == list(range(changed[0], changed[-1] + 1)) if changed else True
        np.testing.assert_allclose(found[:, changed], row.mean(), atol=1e-4)
        widths.add(len(changed))
    assert widths == set(range(7))


def test_mfcc_are_masked_as_their_log_mel_energies_are():
    log_mel = torch.randn(8, 99, 40, generator=seeded(), dtype=torch.float64)
    dct = torch.from_numpy(dct_matrix(40, 40).T)
    settings = {"time_masks": 2, "frequency_masks": 2}
    expected = masked(log_mel, **settings) @ dct
    torch.testing.assert_close(masked(log_mel @ dct, FeaturesConfig(), **settings), expected, atol=1e-4, rtol=0)


def test_time_masks_need_no_inverse_of_the_cosine_transform():
    config = FeaturesConfig(coefficients=20)
    log_mel = torch.randn(8, 99, 40, generator=seeded(), dtype=torch.float64)
    dct = torch.from_numpy(dct_matrix(20, 40).T)
    expected = masked(log_mel, time_masks=2) @ dct
    torch.testing.assert_close(masked(log_mel @ dct, config, time_masks=2), expected, atol=1e-6, rtol=0)
    with pytest.raises(ConfigError, match=r"frequency_masks .* not 20 and 40"):
        masked(log_mel @ dct, config, frequency_masks=1)
