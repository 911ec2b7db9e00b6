"""How a bundle with enrolled keywords scores, and what its cohort scores then."""

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.transforms import NormalisedBackend
from kws_core.bundle import BundleDescription
from kws_core.cohort import Cohort

TOP_SHARE = 0.2
"""Of the cohort, whose nearest segments normalise the scores of a bundle that has no keywords yet. On streams of
development speakers a tenth to two fifths did equally well."""


def cohort_top(description: BundleDescription, cohort: Cohort) -> int | None:
    """How many of the cohort normalise scores: as the bundle has it, or as it starts; None of plain cosines."""
    if description.keywords:
        return None if description.score_normalisation is None else description.score_normalisation.top
    return min(max(round(len(cohort) * TOP_SHARE), 2), len(cohort) - 1) if len(cohort) > 2 else None


def scorer(backend: CentroidBackend, cohort: Cohort, top: int | None) -> Backend:
    """The back end as a spotter uses it."""
    return backend if top is None else NormalisedBackend(backend, cohort.embeddings, top)


def scores_of_cohort(backend: CentroidBackend, cohort: Cohort, top: int | None) -> NDArray[np.float64]:
    """Scores `[n, keywords]` of the cohort, each of its segments normalised by the others."""
    if top is None:
        return np.asarray(backend.score(cohort.embeddings), np.float64)
    return np.asarray(NormalisedBackend(backend, cohort.embeddings, top).score_cohort(), np.float64)
