"""Numbers as a reader sees them: with units and intervals, and a word where there is nothing to measure."""

from math import isnan

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
