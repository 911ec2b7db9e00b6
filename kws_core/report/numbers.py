"""Numbers as a reader sees them: with units and intervals, and a word where there is nothing to measure."""

from math import isnan

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.poisson import HourlyRate

NOTHING = "none"
FAILED = "failed"


def count(value: int) -> str:
    """12345 as "12,345"."""
    return f"{value:,}"


def percent(value: float, low: float = float("nan"), high: float = float("nan")) -> str:
    """A share in [0, 1] as "3.2 % [2.1, 4.4]"; without the interval where its bounds are NaN.

    "none" for NaN: there was nothing to count.
    """
    if isnan(value):
        return NOTHING
    bounds = "" if isnan(low) or isnan(high) else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:.1f} %{bounds}"


def points(value: float, low: float = float("nan"), high: float = float("nan")) -> str:
    """A difference of shares as "+3.2 points [+2.1, +4.4]"; "none" for NaN."""
    if isnan(value):
        return NOTHING
    bounds = "" if isnan(low) or isnan(high) else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"{100 * value:+.1f} points{bounds}"


def estimate(found: Estimate) -> str:
    """A share with its interval and what it is a share of, as "3.2 % [2.1, 4.4] n 1,200"; "none" of nothing."""
    return f"{percent(found.value, found.low, found.high)} n {count(found.count)}" if found.count else NOTHING


def decimals(found: Estimate) -> str:
    """A figure that is no share, as "0.953 [0.941, 0.962]"; "none" for NaN."""
    if isnan(found.value):
        return NOTHING
    bounds = "" if isnan(found.low) or isnan(found.high) else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{found.value:.3f}{bounds}"


def hourly(rate: HourlyRate) -> str:
    """A rate as "1.5 [0.2, 4.1]" an hour; of no events the upper limit, as "0.0 [0.0, 7.5]"; "none" without time."""
    return NOTHING if isnan(rate.per_hour) else f"{rate.per_hour:.1f} [{rate.low:.1f}, {rate.high:.1f}]"


def milliseconds(value: float) -> str:
    """12.34 as "12 ms"; "none" for NaN."""
    return NOTHING if isnan(value) else f"{value:.0f} ms"


def plain(value: object) -> str:
    """Any value of a configuration: numbers to four significant digits, lists joined by commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or NOTHING
    return NOTHING if value is None or value == "" else str(value)
