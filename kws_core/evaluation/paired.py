"""Two systems on the same trials: the difference of each figure, with both seen through the same resampled speakers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap
from kws_core.evaluation.trial_figures import trial_figures


def compare_trials(
    scores: NDArray[np.floating[Any]],
    baseline: NDArray[np.floating[Any]],
    same: NDArray[np.bool_],
    left_speakers: NDArray[np.str_],
    right_speakers: NDArray[np.str_],
    *,
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Figures of `scores [trials]` less those of `baseline [trials]`, by the names of `trial_figures.TRIAL_MEASURES`.

    An interval that leaves out 0 tells the systems apart; it is narrower than their own intervals suggest, because
    speakers that are hard for one are mostly hard for the other. Raises `EvaluationError` for lengths that differ and
    as `trial_figures` does.
    """
    if not len(scores) == len(baseline) == len(same) == len(left_speakers) == len(right_speakers):
        raise EvaluationError(
            f"a comparison needs both systems on the same trials, not {len(scores)} scores, {len(baseline)} of the "
            f"baseline, {len(same)} same, {len(left_speakers)} left and {len(right_speakers)} right speakers"
        )
    draws = SpeakerBootstrap(np.concatenate([left_speakers, right_speakers]), replicates, seed)
    ours, theirs = (trial_figures(one, same, left_speakers, right_speakers, draws) for one in (scores, baseline))
    return {name: draws.estimate(figure - theirs[name], len(scores)) for name, figure in ours.items()}
