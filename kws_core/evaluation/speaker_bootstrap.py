"""Paired bootstrap over speakers: every method and seed is seen through the same resampled speakers.

A figure is an array of *replicates* `[1 + replicates]`: the figure itself, then its value for each resampling. Figures
of the same bootstrap may be averaged (over seeds), subtracted or divided element by element; the result is a
figure again, with its own paired interval.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate, interval, speaker_multiplicities

Figure = NDArray[np.float64]
_CELLS_AT_ONCE = 400_000  # weights of one round of replicates: they stay in the cache


class SpeakerBootstrap:
    """The same draws of speakers for everything that is to be compared."""

    def __init__(self, speakers: Sequence[str] | NDArray[np.str_], replicates: int = 1000, seed: int = 0) -> None:
        """Draw as many of the different `speakers` as there are, with replacement, `replicates` times."""
        self.speakers: NDArray[np.str_] = np.unique(np.asarray(speakers, np.str_))
        if not len(self.speakers):
            raise EvaluationError("a bootstrap over speakers needs at least one speaker")
        drawn = speaker_multiplicities(len(self.speakers), replicates, seed)
        self.weights: NDArray[np.int64] = np.concatenate([np.ones((1, len(self.speakers)), np.int64), drawn])
        """How often each speaker counts, `[1 + replicates, speakers]`; once in the first row."""

    def codes(self, speakers: NDArray[np.str_]) -> NDArray[np.int64]:
        """Position of each of `speakers [n]` among the bootstrap's; raises `EvaluationError` for one not there."""
        places = np.searchsorted(self.speakers, speakers)
        known = self.speakers[np.minimum(places, len(self.speakers) - 1)] == speakers
        if not known.all():
            raise EvaluationError(f"speaker {str(speakers[~known][0])!r} is not among those of the bootstrap")
        return places.astype(np.int64)

    def rounds(self, width: int) -> list[NDArray[np.int64]]:
        """`weights` in blocks of replicates, so many that each with `width` values a replicate stays in the cache."""
        rows = max(1, _CELLS_AT_ONCE // max(width, 1))
        return [self.weights[start : start + rows] for start in range(0, len(self.weights), rows)]

    def estimate(self, figure: Figure, count: int) -> Estimate:
        """The figure with its 95 % interval; `count` segments or trials that it is measured on."""
        low, high = interval(figure[1:], len(self.speakers))
        return Estimate(float(figure[0]), low, high, count)


def seed_mean(figures: Sequence[Figure]) -> Figure:
    """Mean of one figure over seeds, replicate by replicate; raises `EvaluationError` without figures."""
    if not figures:
        raise EvaluationError("there is no seed to take the mean over")
    mean: Figure = np.mean(np.stack(figures), axis=0)
    return mean


def relative_reduction(figure: Figure, baseline: Figure) -> Figure:
    """`1 - figure / baseline`: by which share of the baseline a figure fell; NaN where the baseline is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        reduced: Figure = np.where(baseline > 0, 1 - figure / baseline, np.nan)
    return reduced


def share(
    hits: NDArray[Any], counted: NDArray[np.bool_], speakers: NDArray[np.str_], draws: SpeakerBootstrap
) -> Figure:
    """Share of the `counted [n]` segments that are `hits [n]`; NaN where no resampled speaker has any."""
    codes, size = draws.codes(speakers), len(draws.speakers)
    found = np.bincount(codes, weights=np.asarray(hits & counted, np.float64), minlength=size)
    total = np.bincount(codes, weights=np.asarray(counted, np.float64), minlength=size)
    with np.errstate(invalid="ignore"):
        result: Figure = (draws.weights @ found) / (draws.weights @ total)
    return result
