"""The detection error trade-off: FAR against FRR, EER, FRR at a FAR."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.ranking import RankedTrials, equal_error_rate, lowest_frr


@dataclass(frozen=True, eq=False)
class DetCurve:
    """FAR and FRR at each threshold, all `[points]`, thresholds rising; the last is infinity (FAR 0, FRR 1)."""

    thresholds: NDArray[np.float64]
    far: NDArray[np.float64]
    frr: NDArray[np.float64]

    @property
    def eer(self) -> float:
        """The equal error rate, see `eer`."""
        return float(equal_error_rate(self.far, self.frr))

    def frr_at_far(self, far: float) -> float:
        """The FRR at a FAR, see `frr_at_far`."""
        if not 0 <= far <= 1:
            raise EvaluationError(f"far must lie in [0, 1], not {far}")
        return float(lowest_frr(self.far, self.frr, far))


def det_curve(scores: NDArray[np.floating[Any]], same: NDArray[np.bool_]) -> DetCurve:
    """The curve of `scores [trials]`, where `same [trials]` is true for trials that should be accepted.

    A trial is accepted when `score >= threshold`. FAR is the share of different trials accepted, FRR the share of
    same trials rejected. There is one point for each distinct score, and one at infinity. Raises `EvaluationError`
    when a class is empty or a score is NaN.
    """
    ranked = RankedTrials(np.asarray(scores), np.asarray(same))
    far, frr = ranked.error_rates()
    return DetCurve(ranked.thresholds, far, frr)


def eer(scores: NDArray[np.floating[Any]], same: NDArray[np.bool_]) -> float:
    """The equal error rate of `scores [trials]`, in [0, 1].

    The points `(FAR, FRR)` of `det_curve`, in the order of their thresholds, are joined by straight lines; the EER
    is the FAR where that line meets FAR = FRR. Raises `EvaluationError` as `det_curve` does.
    """
    return det_curve(scores, same).eer


def frr_at_far(scores: NDArray[np.floating[Any]], same: NDArray[np.bool_], far: float) -> float:
    """The least FRR of any threshold whose FAR is at most `far`, in [0, 1]; nothing is interpolated.

    Ma et al. report it at FAR 2 %. Raises `EvaluationError` as `det_curve` does, and for a `far` outside [0, 1].
    """
    return det_curve(scores, same).frr_at_far(far)
