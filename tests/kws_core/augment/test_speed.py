"""Speed perturbation against band-limited interpolation."""

import numpy as np
import torch

from kws_core.augment import Speed


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_output_is_the_band_limited_waveform_read_at_other_times():
    rng = np.random.default_rng(0)
    time = np.arange(1600)
    tones = [(rng.uniform(0.01, 0.2), rng.uniform(0, 2 * np.pi)) for _ in range(6)]  # up to 3.2 kHz of 16 kHz
    row = sum(np.sin(np.pi * frequency * time + phase) for frequency, phase in tones) * np.hanning(1600)
    pcm = torch.from_numpy(row).float().expand(12, -1)
    output, stretch = Speed(0.2)(pcm, seeded())
    assert (stretch > 1).any()
    assert (stretch < 1).any()
    for found, longer in zip(output.numpy(), stretch.tolist(), strict=True):
        for place in range(3, 1600, 97):
            source = 800 + (place - 800) / longer
            expected = 0.0
            if 0 <= source <= 1599:
                expected = (row * np.sinc(source - time)).sum()
            assert abs(found[place] - expected) < 0.03  # of a peak of about 4


def test_a_tone_keeps_its_centre_and_changes_its_pitch():
    time = torch.arange(16000) - 8000
    tone = torch.cos(2 * np.pi * 500 / 16000 * time).expand(50, -1)
    output, stretch = Speed(0.15)(tone, seeded())
    expected = torch.cos(2 * np.pi * 500 / 16000 * time / stretch[:, None])
    inner = slice(2000, 14000)
    torch.testing.assert_close(output[:, inner], expected[:, inner], atol=2e-3, rtol=0)
    assert 1 / 1.15 - 1e-6 <= stretch.min() < 0.9
    assert 1.1 < stretch.max() <= 1 / 0.85 + 1e-6


def test_what_the_input_does_not_reach_is_zero():
    output, stretch = Speed(0.15)(torch.ones(50, 16000), seeded())
    for found, longer in zip(output, stretch.tolist(), strict=True):
        source = 8000 + (np.arange(16000) - 8000) / longer
        outside = torch.from_numpy((source < 0) | (source > 15999))
        assert (found[outside] == 0).all()
        assert (found[~outside] != 0).all()


def test_faster_rows_are_low_passed():
    time = torch.arange(16000)
    window = torch.hann_window(16000)
    tone = (torch.sin(2 * np.pi * 7800 / 16000 * time) * window).expand(50, -1)
    output, stretch = Speed(0.15)(tone, seeded())
    too_high = 7800 / stretch > 8000 * 1.01
    assert too_high.sum() > 10
    level_db = 20 * torch.log10(output[too_high].square().mean(dim=1).sqrt() / tone[0].square().mean().sqrt())
    assert level_db.max() < -50


def test_no_change_is_no_change():
    pcm = torch.randn(3, 16000, generator=seeded())
    output, stretch = Speed(0.0)(pcm, seeded())
    torch.testing.assert_close(output, pcm, atol=1e-5, rtol=0)
    assert torch.equal(stretch, torch.ones(3))
