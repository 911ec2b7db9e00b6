"""Starts of aligned words, moved past the quiet that an aligner put before the word's own sound."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import Pcm16
from kws_core.config import SAMPLE_RATE_HZ

# Chosen on the even speakers of `tests/benchmarks/alignment_quality.py`, with the odd ones in sight.
LOUD_SHARE = 0.5
"""Where between the recording's quiet and the word's level, in dB, a frame counts as the word's own sound."""
MOST_LEFT_OVER = 6
"""Loud frames, at most, that may come before the quiet: the end of the word before."""
LEAST_QUIET = 6
"""Frames of quiet from which on a start is moved: less may be the closure of a plosive."""
KEPT_QUIET = 5
"""Frames before the first loud one that stay in the word: weak fricatives and closures."""
LONGEST_SHARE = 0.6
"""Of a word, in which its sound must begin."""
PRE_EMPHASIS = 0.97

_HOP = SAMPLE_RATE_HZ // 100
_WINDOW = 2 * _HOP
_SILENCE = 1e-9


def frame_levels(pcm: Pcm16) -> NDArray[np.float64]:
    """Level of every 10 ms of a recording in dB `[frames]`, over 20 ms about its middle, high frequencies lifted."""
    sound = np.pad(pcm / 2.0**15, (_HOP // 2, _WINDOW))
    lifted = np.append(sound[:1], sound[1:] - PRE_EMPHASIS * sound[:-1])
    energy = np.concatenate([[0.0], np.cumsum(lifted**2)])
    first = np.arange(len(pcm) // _HOP + 1) * _HOP
    levels: NDArray[np.float64] = 10 * np.log10((energy[first + _WINDOW] - energy[first]) / _WINDOW + _SILENCE)
    return levels


def move_starts(levels: NDArray[np.float64], spans: Sequence[tuple[int, int]]) -> list[int]:
    """First frames of words `(first, first after)`: later ones where a word begins with quiet, as they were elsewhere.

    Frames are those of `frame_levels`. A start never moves beyond `LONGEST_SHARE` of its word.
    """
    quiet_db = float(np.percentile(levels, 5)) if len(levels) else 0.0
    return [_moved(levels, first, after, quiet_db) for first, after in spans]


def _moved(levels: NDArray[np.float64], first: int, after: int, quiet_db: float) -> int:
    word = levels[first:after]
    if len(word) <= LEAST_QUIET:
        return first
    limit_db = quiet_db + LOUD_SHARE * (float(np.percentile(word, 90)) - quiet_db)
    loud = word[: int(len(word) * LONGEST_SHARE) + 1] > limit_db
    # frames at which quiet turns into sound or back, the end excluded: what has not begun by then is left alone
    turns = np.flatnonzero(loud[1:] != loud[:-1]) + 1
    ends_quiet = [0, *turns.tolist()] if not loud[0] else turns.tolist()
    if len(ends_quiet) < 2:
        return first
    quiet, sound = ends_quiet[:2]
    return first + sound - KEPT_QUIET if quiet <= MOST_LEFT_OVER and sound - quiet >= LEAST_QUIET else first
