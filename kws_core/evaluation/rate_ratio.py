"""Two counts of rare events over the same hours: by how many times one rate exceeds the other."""

import math


def rate_ratio(ours: int, theirs: int) -> tuple[float, float]:
    """Exact 95 % limits of the ratio of two Poisson rates that were counted over equal times.

    Given their sum, one count is binomial: the limits of its share (Clopper and Pearson 1934) are those of the ratio
    (Przyborowski and Wilenski 1940, Biometrika 31). (0, infinity) where nothing was counted.
    """
    from scipy.stats import beta  # here: what serves a spotter has no scipy

    total = ours + theirs
    low = float(beta.ppf(0.025, ours, total - ours + 1)) if ours else 0.0
    high = float(beta.ppf(0.975, ours + 1, total - ours)) if theirs else 1.0
    return low / (1 - low), high / (1 - high) if high < 1 else math.inf
