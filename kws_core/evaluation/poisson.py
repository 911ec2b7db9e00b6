"""Exact limits of a rate of rare, independent events."""

import math
from dataclasses import dataclass

RARE_EVENTS_BELOW = -math.log(0.05)
"""Mean number of events above which none at all happens in fewer than one time of twenty: 2.996."""


@dataclass(frozen=True)
class HourlyRate:
    """Events an hour with 95 % limits; NaN where no time was heard."""

    count: int
    hours: float
    per_hour: float
    low: float
    high: float

    def sentence(self, what: str) -> str:
        """The rate in words, such as "0 false alarms in 0.4 h: below 7.5 an hour at 95 %"."""
        if not self.hours:
            return f"no {what}s were counted: nothing was heard"
        counted = f"{self.count} {what}{'' if self.count == 1 else 's'} in {self.hours:.2g} h"
        if not self.count:
            return f"{counted}: below {_digits(self.high)} an hour at 95 %"
        return f"{counted}: {_digits(self.per_hour)} an hour [{_digits(self.low)}, {_digits(self.high)}]"


def hourly_rate(count: int, hours: float) -> HourlyRate:
    """The rate of `count` events in `hours`, with exact Poisson limits.

    Two-sided (Garwood 1936), 2.5 % on either side; of no events the one-sided upper limit, -ln(0.05) / hours.
    """
    if not hours:
        return HourlyRate(count, 0.0, math.nan, math.nan, math.nan)
    if not count:
        return HourlyRate(0, hours, 0.0, 0.0, RARE_EVENTS_BELOW / hours)
    from scipy.stats import chi2  # here: a spotter in service enrols words without scipy

    low, high = float(chi2.ppf(0.025, 2 * count)) / 2, float(chi2.ppf(0.975, 2 * count + 2)) / 2
    return HourlyRate(count, hours, count / hours, low / hours, high / hours)


def _digits(value: float) -> str:
    """Two digits, or a whole number where that is more."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
