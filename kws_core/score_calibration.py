"""Logistic calibration: scores of development segments to log likelihood ratios."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.transforms import LogisticLines
from kws_core.errors import TrainingError

SMALLEST_SLOPE = 1e-3
"""In units of the scores' standard deviation: where a keyword scores no higher than the rest, order is kept."""


def fit_logistic(scores: NDArray[np.floating[Any]], is_keyword: NDArray[np.bool_]) -> LogisticLines:
    """Lines that turn the scores of each keyword into log likelihood ratios, keyword against everything else.

    Both kinds weigh the same, so that the line knows nothing of how frequent keywords are in the data. Platt's targets,
    (n + 1) / (n + 2) and 1 / (m + 2), keep the slope finite where the two do not overlap.

    Args:
        scores: `[n, keywords]`.
        is_keyword: `[n, keywords]`, true where row `n` is a segment of that keyword.

    Raises:
        TrainingError: a keyword has no segments, or nothing else has.
    """
    from sklearn.linear_model import LogisticRegression

    slopes, offsets = [], []
    for column in range(scores.shape[1]):
        values, own = scores[:, column].astype(np.float64), is_keyword[:, column]
        if own.all() or not own.any():
            raise TrainingError(f"keyword {column} has no development segments, or nothing else has: no calibration")
        mean, deviation = values.mean(), max(float(values.std()), 1e-9)
        targets = np.where(own, (own.sum() + 1) / (own.sum() + 2), 1 / ((~own).sum() + 2))
        weights = np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum()) * len(values)
        inputs = np.tile((values - mean) / deviation, 2)[:, None]
        labels = np.repeat([1, 0], len(values))
        model = LogisticRegression(C=1e6, max_iter=1000, tol=1e-8)
        model.fit(inputs, labels, sample_weight=np.concatenate([targets * weights, (1 - targets) * weights]))
        slope = max(float(model.coef_[0, 0]), SMALLEST_SLOPE)
        slopes.append(slope / deviation)
        offsets.append(float(model.intercept_[0]) - slope * mean / deviation)
    return LogisticLines(tuple(slopes), tuple(offsets))
