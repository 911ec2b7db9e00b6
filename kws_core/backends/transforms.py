"""What may be done to the scores of a back end: normalisation by a cohort, and calibration to log likelihood ratios."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import Backend, check_embeddings
from kws_core.backends.centroid import CentroidBackend
from kws_core.errors import BundleError, EvaluationError

_SMALLEST_DEVIATION = 1e-4
_ROWS = 4096


class _Transformed:
    """A back end whose scores are transformed; all else is that of the back end."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords, in the order of the columns of `score`."""
        return self.backend.keywords

    def decide(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """The decision of the back end by its own rule."""
        return self.backend.decide(embeddings)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of the back end; a transformation is kept in the bundle's description."""
        return self.backend.arrays()

    @classmethod
    def from_arrays(cls, keywords: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Refused: a transformed back end is put together from its back end and the bundle's description."""
        raise BundleError(f"arrays alone do not make a {cls.__name__}")


class NormalisedBackend(_Transformed):
    """Cosines normalised by what the keyword, and what the window, have in common with a cohort (AS-norm).

    With `s` the cosine of window and centroid, the score is the mean of `(s - m) / d` for the means and standard
    deviations of the `top` largest cosines of the centroid with the cohort, and of the window with the cohort.

    Source: Matějka et al. 2017, "Analysis of Score Normalization in Multilingual Speaker Recognition".
    """

    def __init__(self, backend: CentroidBackend, cohort: NDArray[np.float32], top: int) -> None:
        """Take L2-normalised `cohort [n, dim]`; raises `EvaluationError` for another dim or fewer than `top`."""
        super().__init__(backend)
        check_embeddings(cohort, backend.centroids.shape[1])
        if not 2 <= top <= len(cohort):
            raise EvaluationError(f"scores are normalised by the {top} nearest of a cohort of {len(cohort)}")
        self.cohort, self.top = cohort, top

    @cached_property
    def _of_keywords(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self._statistics(self.backend.score(self.cohort).T)

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised scores `[n, keywords]` of L2-normalised `embeddings [n, dim]`."""
        raw = self.backend.score(embeddings).astype(np.float64)
        keyword_mean, keyword_deviation = self._of_keywords
        normalised = (raw - keyword_mean) / keyword_deviation
        for at in range(0, len(embeddings), _ROWS):
            rows = slice(at, at + _ROWS)
            mean, deviation = self._statistics(embeddings[rows] @ self.cohort.T)
            normalised[rows] += (raw[rows] - mean[:, None]) / deviation[:, None]
        return (normalised / 2).astype(np.float32)

    def score_cohort(self) -> NDArray[np.float32]:
        """Normalised scores `[n, keywords]` of the cohort itself, each row by the others; needs `top` others."""
        raw = self.backend.score(self.cohort).astype(np.float64)
        keyword_mean, keyword_deviation = self._of_keywords
        normalised = (raw - keyword_mean) / keyword_deviation
        for at in range(0, len(self.cohort), _ROWS):
            cosines = self.cohort[at : at + _ROWS] @ self.cohort.T
            own = np.arange(len(cosines))
            cosines[own, at + own] = -np.inf
            mean, deviation = self._statistics(cosines)
            normalised[at : at + _ROWS] += (raw[at : at + _ROWS] - mean[:, None]) / deviation[:, None]
        return (normalised / 2).astype(np.float32)

    def _statistics(self, cosines: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of the largest cosines of each row."""
        largest = np.partition(cosines, -self.top, axis=1)[:, -self.top :].astype(np.float64)
        return largest.mean(axis=1), np.maximum(largest.std(axis=1), _SMALLEST_DEVIATION)


class LogisticBackend(_Transformed):
    """Scores turned into log likelihood ratios: one rising line for each keyword.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """

    def __init__(self, backend: Backend, lines: "LogisticLines") -> None:
        """Take a line for each keyword of the back end."""
        super().__init__(backend)
        self.lines = lines

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log likelihood ratios `[n, keywords]`, keyword against everything else."""
        raw = self.backend.score(embeddings).astype(np.float64)
        ratios: NDArray[np.float64] = raw * np.array(self.lines.slopes) + np.array(self.lines.offsets)
        return ratios.astype(np.float32)


@dataclass(frozen=True)
class LogisticLines:
    """Log likelihood ratio of each keyword: `slope * score + offset`, all slopes above 0."""

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]


def transformed(
    name: str,
    backend: Backend,
    cohort: NDArray[np.float32] | None,
    top: int | None,
    lines: Mapping[str, LogisticLines],
) -> Backend:
    """The back end as it scores: the centroids normalised when `top` is given, then whatever has lines calibrated."""
    if top is not None and cohort is not None and isinstance(backend, CentroidBackend):
        backend = NormalisedBackend(backend, cohort, top)
    return LogisticBackend(backend, lines[name]) if name in lines else backend
