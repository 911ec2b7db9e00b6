"""Shift, swapped and masked surroundings of words against loops."""

import numpy as np
import pytest
import torch

from kws_core.augment import FeatureAugment
from kws_core.config import AugmentationConfig, FeaturesConfig

FEATURES = FeaturesConfig()
SILENCE = np.linspace(-50, -40, 40, dtype=np.float32)


def augment(features, words, seed=0, **config):
    generator = torch.Generator().manual_seed(seed)
    config = {"swap_context_share": 0, "gain_db": 0, "channel_db": 0, **config}
    return FeatureAugment(AugmentationConfig(**config), FEATURES, SILENCE)(features, words, generator)


def batch(rows):
    torch.manual_seed(0)
    starts = torch.randint(0, 60, (rows,))
    return torch.randn(rows, 99, 40), torch.stack([starts, starts + torch.randint(1, 39, (rows,))], dim=1)


def naive(row, first, last, before, after, shift):
    """One row, frame by frame: keep [first - before, last + after), then move by `shift`."""
    masked = row.numpy().copy()
    for frame in range(99):
        if not first - before <= frame < last + after:
            masked[frame] = SILENCE
    moved = np.tile(SILENCE, (99, 1))
    for frame in range(99):
        if 0 <= frame - shift < 99:
            moved[frame] = masked[frame - shift]
    return moved


def test_masked_and_moved_rows_are_among_the_possible_ones():
    features, words = batch(40)
    output = augment(features, words, mask_context_share=1, shift_share=1, max_shift_s=0.03)
    seen = set()
    for row, (first, last), found in zip(features, words.tolist(), output.numpy(), strict=True):
        matches = [
            (before, after, shift)
            for before in range(6)
            for after in range(6)
            for shift in range(-3, 4)
            if np.array_equal(naive(row, first, last, before, after, shift), found)
        ]
        assert matches
        seen.update(shift for _, _, shift in matches[:1])
    assert seen == set(range(-3, 4))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_shares_are_kept(share):
    features, words = batch(600)
    only_mask = augment(features, words, mask_context_share=share, shift_share=0)
    changed = (only_mask != features).any(dim=2).any(dim=1).float().mean()
    assert changed == pytest.approx(share, abs=0.06)
    only_shift = augment(features, words, mask_context_share=0, shift_share=share, max_shift_s=0.2)
    changed = (only_shift != features).any(dim=2).any(dim=1).float().mean()
    assert changed == pytest.approx(share * 40 / 41, abs=0.06)


def test_swapped_surroundings_come_from_another_row_and_the_word_stays():
    features, words = batch(30)
    output = augment(features, words, swap_context_share=1, mask_context_share=0, shift_share=0)
    givers = []
    for row, (first, last), found in zip(features, words.tolist(), output, strict=True):
        matches = {
            giver
            for giver, other in enumerate(features)
            for before in range(6)
            for after in range(6)
            if torch.equal(found, swapped(row, other, first - before, last + after))
        }
        assert len(matches) == 1
        givers.extend(matches)
    assert sorted(givers) == list(range(30))


def swapped(row, other, first, last):
    made = other.clone()
    made[max(first, 0) : last] = row[max(first, 0) : last]
    return made


def test_the_share_of_swapped_rows_is_kept():
    features, words = batch(600)
    output = augment(features, words, swap_context_share=0.4, mask_context_share=0, shift_share=0)
    assert (output != features).any(dim=2).any(dim=1).float().mean() == pytest.approx(0.4, abs=0.06)


def test_shifts_are_uniform_and_reach_the_limit():
    features, words = batch(4000)
    features = torch.arange(99.0)[None, :, None].expand(4000, 99, 40)
    output = augment(features, words, mask_context_share=0, shift_share=1, max_shift_s=0.05)
    counts = torch.bincount((50 - output[:, 50, 0]).long() + 5, minlength=11)
    assert len(counts) == 11
    assert counts.min() > 280
    assert counts.max() < 450


def test_same_seed_same_output_and_the_input_is_left_alone():
    features, words = batch(20)
    before = features.clone()
    one, same, other = (augment(features, words, seed) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(features, before)
    assert one.dtype == torch.float32
