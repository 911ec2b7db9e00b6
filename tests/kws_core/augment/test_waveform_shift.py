"""Shifts of waveforms against loops."""

import numpy as np
import torch

from kws_core.augment import WaveformShift


def test_rows_are_moved_uniformly_and_zero_padded():
    pcm = torch.arange(1.0, 101.0).expand(2000, -1)
    output = WaveformShift(5 / 16000)(pcm, torch.Generator().manual_seed(0)).numpy()
    counts = dict.fromkeys(range(-5, 6), 0)
    for found in output:
        shift = 51 - int(found[50])
        expected = np.zeros(100)
        for place in range(100):
            if 0 <= place - shift < 100:
                expected[place] = place - shift + 1
        np.testing.assert_array_equal(found, expected)
        counts[shift] += 1
    assert min(counts.values()) > 130
    assert max(counts.values()) < 240


def test_shifts_may_exceed_the_window():
    output = WaveformShift(1.0)(torch.ones(50, 100), torch.Generator().manual_seed(0))
    assert output.shape == (50, 100)
    assert (output == 0).all(dim=1).sum() > 40
