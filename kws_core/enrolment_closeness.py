"""Whether a new keyword is close to one that a bundle has already."""

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.centroid import CentroidBackend
from kws_core.bundle import CENTROIDS, Bundle
from kws_core.cohort import Cohort
from kws_core.enrolment_scores import cohort_top, scorer, scores_of_cohort

CLOSE_SHARE = 0.01
"""A new keyword is close to another one where no more than this share of the cohort scores as high with that one."""


def closeness_warnings(bundle: Bundle, keyword: str, mean: NDArray[np.float32], cohort: Cohort) -> list[str]:
    """A sentence for each keyword of the bundle that the new one, with mean embedding `mean [dim]`, is close to.

    The measure is the share of the cohort's words that score as high with the existing keyword as the new one does:
    the same for every encoder and score. What the cohort has of either keyword does not count.
    """
    description = bundle.description
    known = tuple(name for name in description.keywords if name != keyword)
    if not known:
        return []
    whole = CentroidBackend.from_arrays(description.keywords, bundle.tensors(CENTROIDS))
    backend = CentroidBackend(known, whole.centroids[[description.keywords.index(name) for name in known]])
    top = cohort_top(description, cohort)
    reached = scorer(backend, cohort, top).score(mean[None])[0]
    scores = scores_of_cohort(backend, cohort, top)
    warnings = []
    for column, name in enumerate(known):
        others = scores[cohort.is_other(name) & cohort.is_other(keyword), column]
        share = float((others >= reached[column]).mean()) if len(others) else 1.0
        if share <= CLOSE_SHARE:
            warnings.append(
                f"{keyword!r} is close to the keyword {name!r}: only {share:.1%} of the cohort's other words are as "
                "close to it; expect the one to be taken for the other"
            )
    return warnings
