"""What all distortions of waveforms keep: shares, determinism, the input, type, silence."""

import pytest
import torch

from kws_core.augment import WaveformAugment
from kws_core.config import WaveformAugmentationConfig

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
SHARES = ("speed_share", "shift_share", "reverberation_share", "noise_share", "narrow_band_share")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def waveforms(rows=8, samples=16000):
    return torch.randn(rows, samples, generator=seeded(9)) * 0.1


def augment(share, names=SHARES, noise=None, **config):
    return WaveformAugment(WaveformAugmentationConfig(**dict.fromkeys(names, share), **config), noise)


def test_shares_of_zero_change_and_draw_nothing():
    pcm, generator = waveforms(), seeded()
    before = generator.get_state()
    output, stretch = augment(0)(pcm, generator)
    assert torch.equal(output, pcm)
    assert output.data_ptr() != pcm.data_ptr()
    assert torch.equal(stretch, torch.ones(8))
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_each_share_is_kept(name, share):
    pcm = waveforms(500, 800)
    output, stretch = augment(share, (name,))(pcm, seeded())
    changed = (output != pcm).any(dim=1)
    assert changed.float().mean() == pytest.approx(share, abs=0.06 if share < 1 else 0.01)
    assert torch.equal(stretch != 1, changed if name == "speed_share" else torch.zeros(500, dtype=torch.bool))


def test_rows_are_chosen_independently_by_each_operation():
    changed = []
    for names in (SHARES[1:3], SHARES[1:2]):
        output, _ = augment(0.5, names)(waveforms(400, 800), seeded())
        changed.append((output != waveforms(400, 800)).any(dim=1).float().mean())
    assert changed[0] == pytest.approx(0.75, abs=0.07)
    assert changed[1] == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_same_generator_same_output_and_the_input_is_left_alone(rows):
    pcm, noise = waveforms(rows), torch.randn(2, 30000, generator=seeded(5))
    before, noise_before = pcm.clone(), noise.clone()
    (one, stretch), (same, same_stretch), (other, _) = (augment(0.9, noise=noise)(pcm, seeded(n)) for n in (1, 1, 2))
    assert torch.equal(one, same)
    assert torch.equal(stretch, same_stretch)
    assert not torch.equal(one, other)
    assert torch.equal(pcm, before)
    assert torch.equal(noise, noise_before)
    assert one.shape == pcm.shape
    assert stretch.shape == (rows,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_type_and_device_are_kept_and_float64_agrees(dtype):
    pcm = waveforms().to(dtype)
    output, stretch = augment(0.5)(pcm, seeded())
    assert output.dtype == stretch.dtype == dtype
    assert output.device == pcm.device
    precise, _ = augment(0.5)(waveforms().double(), seeded())
    torch.testing.assert_close(output.double(), precise, atol=1e-4, rtol=0)


def test_digital_silence_stays_silent():
    output, _ = augment(1)(torch.zeros(8, 16000), seeded())
    assert torch.equal(output, torch.zeros(8, 16000))


def test_no_rows_are_no_error():
    output, stretch = augment(1)(torch.zeros(0, 16000), seeded())
    assert output.shape == (0, 16000)
    assert stretch.shape == (0,)


@pytest.mark.parametrize("device", DEVICES)
def test_a_cpu_generator_gives_the_same_on_any_device(device):
    noise = torch.randn(2, 30000, generator=seeded(5))
    on_cpu, _ = augment(0.7, noise=noise)(waveforms(), seeded())
    there, stretch = augment(0.7, noise=noise)(waveforms().to(device), seeded())
    assert there.device.type == stretch.device.type == device
    torch.testing.assert_close(there.cpu(), on_cpu, atol=1e-4, rtol=0)


@pytest.mark.parametrize("device", DEVICES)
def test_a_generator_may_live_on_the_device(device):
    one, same = (augment(0.7)(waveforms().to(device), torch.Generator(device).manual_seed(3))[0] for _ in range(2))
    assert torch.equal(one, same)
