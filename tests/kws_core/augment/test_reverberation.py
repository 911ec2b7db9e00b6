"""Room responses by Schroeder's integration, and convolution by its definition."""

import numpy as np
import pytest
import torch

from kws_core.augment import Reverberation
from kws_core.augment.room_response import room_responses


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def schroeder_s(response):
    """Time to fall by 60 dB, from a line through -5 to -25 dB of the energy still to come behind the direct sound."""
    to_come = np.cumsum(response[:0:-1] ** 2)[::-1]
    to_come = to_come[to_come > 1e-6 * to_come[0]]
    level_db = 10 * np.log10(to_come / to_come[0])
    first, last = np.argmax(level_db < -5), np.argmax(level_db < -25)
    slope = np.polyfit(np.arange(first, last), level_db[first:last], 1)[0]
    return -60 / slope / 16000


@pytest.mark.parametrize("longest_s", [0.06, 0.5, 1.2])
def test_reverberation_times_are_reached(longest_s):
    responses, times_s = room_responses(64, longest_s, seeded())
    assert responses.shape == (64, round(longest_s * 16000))
    assert times_s.min() >= 0.05
    assert times_s.max() <= longest_s
    found = np.array([schroeder_s(response) for response in responses.double().numpy()])
    error = found / times_s.numpy() - 1
    assert np.abs(error).max() < 0.15


def test_the_direct_sound_comes_first_and_0_to_15_db_above_the_rest():
    responses, _ = room_responses(200, 0.5, seeded())
    assert torch.equal(responses[:, 0], torch.ones(200))
    assert (responses[:, 1:].abs() < 1).all()
    ratio_db = -10 * torch.log10(responses[:, 1:].square().sum(dim=1))
    assert -0.01 < ratio_db.min() < 1
    assert 14 < ratio_db.max() < 15.01


def test_early_reflections_stand_out_of_the_diffuse_sound():
    responses, times_s = room_responses(200, 1.2, seeded())
    level = responses * 10 ** (3 * torch.arange(19200) / 16000 / times_s[:, None])  # without the decay
    for row in level[times_s > 0.8]:
        diffuse = row[800:8000].square().mean().sqrt()
        assert 2 <= (row[1:482].abs() > 4.8 * diffuse).sum() <= 6
        assert (row[482:963].abs() > 4.8 * diffuse).sum() == 0


def test_output_is_the_convolution_cut_at_the_end_of_the_window():
    pcm = torch.randn(5, 700, generator=seeded(), dtype=torch.float64)
    reverberation = Reverberation(0.06)
    output = reverberation(pcm, seeded(1))
    responses = reverberation.responses.double().numpy()
    used = set()
    for row, found in zip(pcm.numpy(), output.numpy(), strict=True):
        matches = [
            room
            for room, response in enumerate(responses)
            if np.allclose(np.convolve(row, response)[:700], found, atol=1e-6)
        ]
        assert len(matches) == 1
        used.update(matches)
    assert len(used) > 2


def test_other_lengths_and_types_after_each_other():
    reverberation = Reverberation(0.1)
    long = torch.randn(2, 3000, generator=seeded())
    first = reverberation(long, seeded(1))
    short = reverberation(long[:, :500].double(), seeded(1))
    torch.testing.assert_close(short.float(), first[:, :500], atol=1e-5, rtol=0)


def test_words_do_not_move():
    click = torch.zeros(30, 4000)
    click[:, 1000] = 1
    output = Reverberation(0.5)(click, seeded())
    assert output[:, :1000].abs().max() < 1e-5
    assert (output.argmax(dim=1) == 1000).all()
