"""Limited bands: gains against Butterworth's formula, and cut-offs found in the output."""

import numpy as np
import pytest
import torch

from kws_core.augment import NarrowBand
from kws_core.augment.narrow_band import band_gain


def gain_db_of_rows(rows):
    click = torch.zeros(rows, 16000, dtype=torch.float64)
    click[:, 8000] = 1
    output = NarrowBand()(click, torch.Generator().manual_seed(0)).numpy()
    return 20 * np.log10(np.abs(np.fft.rfft(output)) + 1e-12)  # a bin a Hz


def test_gain_is_butterworths():
    hz = [0.0, 50, 150, 300, 1000, 3200, 4000, 8000]
    found = band_gain(torch.tensor(hz), torch.tensor([[3200.0], [7000]]), torch.tensor([[150.0], [0]]))
    for row, (low_pass, high_pass) in enumerate([(3200, 150), (7000, 0)]):
        for column, f in enumerate(hz):
            expected = 1 / np.sqrt(1 + (f / low_pass) ** 16)
            if high_pass:
                expected *= (f / high_pass) ** 4 / np.sqrt(1 + (f / high_pass) ** 8)
            assert found[row, column].item() == pytest.approx(expected, rel=1e-5, abs=1e-12)


def test_cut_offs_lie_within_their_limits_and_half_of_the_rows_lose_lows():
    gain_db = gain_db_of_rows(400)
    assert np.abs(gain_db[:, 1000]).max() < 0.1
    low_pass = np.array([1000 + np.argmax(row[1000:] < -3.01) for row in gain_db])
    assert 3195 <= low_pass.min() < 3300
    assert 6900 < low_pass.max() <= 7005
    for row, cut in zip(gain_db, low_pass, strict=True):
        if 1.5 * cut <= 8000:
            assert row[int(1.5 * cut)] == pytest.approx(-28.2, abs=0.3)
    has_high_pass = gain_db[:, 30] < -20
    assert has_high_pass.mean() == pytest.approx(0.5, abs=0.08)
    assert (gain_db[~has_high_pass][:, :500] > -0.1).all()
    high_pass = np.array([np.argmax(row > -3.01) for row in gain_db[has_high_pass]])
    assert 95 <= high_pass.min() < 115
    assert 285 < high_pass.max() <= 305


def test_words_do_not_move():
    click = torch.zeros(20, 16000)
    click[:, 4321] = 1
    output = NarrowBand()(click, torch.Generator().manual_seed(0))
    assert (output.argmax(dim=1) == 4321).all()
    torch.testing.assert_close(output[:, 4321 - 100 : 4321], output[:, 4322 : 4322 + 100].flip(1), atol=1e-5, rtol=0)
