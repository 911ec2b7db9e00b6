"""Additive noise: ratio, sources and colours against their definitions."""

import itertools

import numpy as np
import pytest
import torch

from kws_core.augment import Noise
from kws_core.augment.active_level import active_level
from kws_core.augment.coloured_noise import coloured_noise
from kws_core.errors import TrainingError


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def naive_level(row):
    """Mean square of the 20 ms frames within 20 dB of the loudest, frame by frame."""
    energies = [np.mean(row[start : start + 320] ** 2) for start in range(0, len(row) - 319, 320)]
    active = [energy for energy in energies if energy >= max(energies) / 100]
    return np.sqrt(np.mean(active))


def test_active_level_leaves_pauses_out():
    pcm = torch.randn(5, 16100, generator=seeded()) * torch.tensor([1.0, 0.5, 0.1, 0.01, 0])[:, None]
    pcm[:, 4000:9000] *= 0.01
    expected = [naive_level(row) for row in pcm.double().numpy()]
    np.testing.assert_allclose(active_level(pcm).numpy(), expected, rtol=1e-4)
    assert active_level(pcm[:1, 9000:])[0] == pytest.approx(active_level(pcm)[0].item(), rel=0.05)
    assert active_level(torch.ones(1, 100)).item() == 1


@pytest.mark.parametrize("batch", [1, 12])
@pytest.mark.parametrize("snr_db", [-5, 0, 20])
def test_the_ratio_is_reached(batch, snr_db):
    pcm = torch.randn(batch, 16000, generator=seeded()) * torch.logspace(-3, 0, batch)[:, None]
    recorded = torch.randn(2, 5000, generator=seeded(1)) * 7
    rows = torch.arange(batch)
    for seed in range(3):
        added = (Noise(snr_db, snr_db, recorded)(pcm, rows, seeded(seed)) - pcm).double()
        ratio_db = 10 * torch.log10(pcm.double().square().mean(dim=1) / added.square().mean(dim=1))
        assert (ratio_db - snr_db).abs().max() < 0.1


def test_ratios_are_uniform_within_the_limits():
    pcm = torch.randn(1, 3200, generator=seeded()).expand(600, -1)
    added = Noise(5, 30)(pcm, torch.arange(600), seeded()) - pcm
    ratio_db = 10 * torch.log10(pcm.square().mean(dim=1) / added.square().mean(dim=1))
    assert 4.9 < ratio_db.min() < 5.5
    assert 29.5 < ratio_db.max() < 30.1
    assert torch.histc(ratio_db, 5, 5, 30).min() > 80


def test_recorded_noise_is_read_from_any_place_on_and_goes_round():
    recorded = torch.randn(2, 300, generator=seeded())
    pcm = torch.ones(40, 640)
    added = (Noise(10, 10, recorded)(pcm[:1].expand(40, -1)[:2], torch.arange(2).repeat(20), seeded()) - 1).numpy()
    starts = set()
    for found in added:
        found = found / np.sqrt(np.mean(found**2))
        for row, start in itertools.product(range(2), range(300)):
            expected = recorded[row].numpy()[(start + np.arange(640)) % 300]
            if np.allclose(expected / np.sqrt(np.mean(expected**2)), found, atol=1e-3):
                starts.add((row, start))
    assert {row for row, _ in starts} == {0, 1}
    assert len(starts) > 10  # the other half of the rows takes coloured noise


def test_babble_is_two_to_four_other_rows_at_equal_levels():
    batch, samples = 7, 320
    rng = np.random.default_rng(0)
    pcm = torch.from_numpy(rng.normal(size=(batch, samples)) * rng.uniform(0.1, 2, (batch, 1)))
    # rotations by whole periods of orthogonal codes: what is in a sum shows in its correlations
    spectra = np.conj(np.fft.fft((pcm / active_level(pcm)[:, None]).numpy()))
    rows = torch.arange(batch).repeat(12)
    added = (Noise(0, 0)(pcm, rows, seeded()) - pcm[rows]).numpy()
    counts = []
    for row, found in zip(rows.tolist(), added, strict=True):
        correlation = np.fft.ifft(np.fft.fft(found) * spectra).real / samples
        shifts = correlation.argmax(axis=1)
        voices = np.array([np.roll(pcm[k].numpy() / naive_level(pcm[k].numpy()), shifts[k]) for k in range(batch)])
        for talkers in (2, 3, 4):
            for chosen in itertools.combinations(range(batch), talkers):
                total = voices[list(chosen)].sum(axis=0)
                scale = (found @ total) / (total @ total)
                if np.allclose(scale * total, found, atol=1e-6):
                    assert row not in chosen
                    counts.append(talkers)
    assert set(counts) == {2, 3, 4}
    assert len(counts) > 20


@pytest.mark.parametrize(("exponent", "slope_db"), [(0, 0), (1, -3.01), (2, -6.02)])
def test_colours_fall_by_3_db_an_octave_and_exponent(exponent, slope_db):
    noise = coloured_noise(8, 65536, exponent, seeded())
    torch.testing.assert_close(noise.square().mean(dim=1), torch.ones(8))
    power = np.abs(np.fft.rfft(noise.numpy())) ** 2
    hz = np.fft.rfftfreq(65536, 1 / 16000)
    octaves = [62.5 * 2**k for k in range(7)]
    density = [10 * np.log10(power[:, (hz >= low) & (hz < 2 * low)].mean()) for low in octaves]
    assert np.polyfit(range(7), density, 1)[0] == pytest.approx(slope_db, abs=0.3)
    assert power[:, hz < 20].max() < 1e-6 * power.max()


def test_digital_silence_stays_silent_and_silent_noise_adds_nothing():
    pcm = torch.zeros(6, 16000)
    assert torch.equal(Noise(5, 5)(pcm, torch.arange(6), seeded()), pcm)
    pcm = torch.randn(40, 3200, generator=seeded())
    output = Noise(5, 5, torch.zeros(1, 50))(pcm, torch.arange(40), seeded())
    assert torch.isfinite(output).all()
    assert 3 <= (output == pcm).all(dim=1).sum() <= 25  # about a third takes the silent recording


@pytest.mark.parametrize("shape", [(0, 100), (3, 0), (100,)])
def test_unusable_noise_is_refused(shape):
    with pytest.raises(TrainingError, match="noise must be"):
        Noise(5, 5, torch.zeros(shape))
