"""A share with its interval over speakers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap, share


def speaker_share(
    counted: NDArray[np.bool_], speakers: NDArray[np.str_] | Sequence[str], replicates: int, seed: int
) -> Estimate:
    """Share of `counted [n]` that is true, with a 95 % bootstrap interval over `speakers [n]`; NaN of nothing."""
    if not len(counted):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    names = np.asarray(speakers, np.str_)
    draws = SpeakerBootstrap(names, replicates, seed)
    return draws.estimate(share(counted, np.ones_like(counted), names, draws), len(counted))
