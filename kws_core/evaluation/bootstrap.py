"""Bootstrap over speakers: what a figure would be with other speakers of the same kind."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A share in [0, 1] with its 95 % interval and the count it is a share of; NaN where there is nothing to count."""

    value: float
    low: float
    high: float
    count: int


def speaker_multiplicities(speakers: int, replicates: int, seed: int) -> NDArray[np.int64]:
    """How often each speaker is drawn, `[replicates, speakers]`, when as many are drawn with replacement."""
    return np.random.default_rng(seed).multinomial(speakers, np.full(speakers, 1 / speakers), size=replicates)


def interval(replicates: NDArray[np.floating[Any]], speakers: int) -> tuple[float, float]:
    """The 2.5th and 97.5th percentiles of `replicates [replicates]`, those that are NaN left out.

    (NaN, NaN) when nothing can be said: fewer than two speakers, or half of the replicates or more are NaN.
    """
    usable = replicates[~np.isnan(replicates)]
    if speakers < 2 or 2 * len(usable) <= len(replicates):
        return float("nan"), float("nan")
    low, high = np.percentile(usable, [2.5, 97.5])
    return float(low), float(high)
