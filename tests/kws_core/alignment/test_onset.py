"""Where a word's own sound begins."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kws_core.alignment.onset import (
    KEPT_QUIET,
    LEAST_QUIET,
    LONGEST_SHARE,
    MOST_LEFT_OVER,
    PRE_EMPHASIS,
    frame_levels,
    move_starts,
)
from kws_core.audio import Pcm16

HOP = 160


def recording(*pieces: tuple[int, float]) -> Pcm16:
    """Pieces of noise: frames of 10 ms and amplitude."""
    rng = np.random.default_rng(0)
    sound = [rng.normal(scale=amplitude, size=frames * HOP) for frames, amplitude in pieces]
    samples: NDArray[np.int16] = np.concatenate(sound).astype(np.int16)
    return samples


def test_levels_equal_a_sum_frame_by_frame() -> None:
    pcm = recording((20, 50), (20, 3000))
    levels = frame_levels(pcm)
    sound = pcm / 2.0**15
    for frame in range(2, len(levels) - 3):
        first = frame * HOP - HOP // 2
        window = sound[first : first + 2 * HOP] - PRE_EMPHASIS * sound[first - 1 : first + 2 * HOP - 1]
        assert abs(levels[frame] - 10 * np.log10(np.mean(window**2) + 1e-9)) < 1e-6


def test_a_word_that_begins_with_quiet_starts_later() -> None:
    levels = frame_levels(recording((40, 20), (30, 3000), (20, 20), (30, 3000), (40, 20)))
    # the second word was given the pause before it
    first, second = move_starts(levels, [(40, 70), (70, 120)])
    assert first == 40
    assert abs(second - (90 - KEPT_QUIET)) <= 1
    # and with it the end of the first word, but not half of that
    for left_over, moved in ((MOST_LEFT_OVER - 2, True), (MOST_LEFT_OVER + 2, False)):
        start = 70 - left_over
        assert (move_starts(levels, [(start, 120)]) != [start]) is moved


def test_the_closure_of_a_plosive_stays() -> None:
    levels = frame_levels(recording((40, 20), (30, 3000), (LEAST_QUIET - 3, 20), (30, 3000), (40, 20)))
    assert move_starts(levels, [(70, 70 + LEAST_QUIET - 3 + 30)]) == [70]


def test_a_recording_without_quiet_moves_nothing() -> None:
    levels = frame_levels(recording((100, 3000)))
    spans = [(0, 30), (30, 31), (31, 90)]
    assert move_starts(levels, spans) == [0, 30, 31]
    assert move_starts(frame_levels(np.zeros(0, np.int16)), []) == []


@given(st.lists(st.floats(-90, 0), min_size=1, max_size=120), st.data())
def test_starts_stay_inside_their_words(levels: list[float], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(levels) - 1))
    after = data.draw(st.integers(first + 1, len(levels)))
    (start,) = move_starts(np.array(levels), [(first, after)])
    assert first <= start <= first + LONGEST_SHARE * (after - first)
