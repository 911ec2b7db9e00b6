"""Checks, and the decision that they add up to."""

import math
from dataclasses import dataclass
from typing import Literal

from kws_core.evaluation.bootstrap import Estimate
from kws_core.report.numbers import percent, points

CheckVerdict = Literal["passed", "failed", "not measured"]
CheckUnit = Literal["share", "an hour", ""]
PRECISION = 1e-9
"""Differences of shares are compared to this: 0.90 - 0.89 is a little more than 0.01 in floating point."""


@dataclass(frozen=True)
class Check:
    """One figure of a version against its limit."""

    figure: str
    verdict: CheckVerdict
    value: float | None = None
    champion: float | None = None
    """The champion's; None where nothing is compared."""
    difference: tuple[float, float | None, float | None] | None = None
    """Value less champion's, and its 95 % limits where there are any."""
    limit: float | None = None
    rule: str = ""
    """What the limit means, in words."""
    unit: CheckUnit = "share"

    def shown(self) -> tuple[str, str, str]:
        """The value, the champion's and the difference, as a reader sees them."""
        return (_number(self.value, self.unit), _number(self.champion, self.unit), self._difference())

    def sentence(self) -> str:
        """The figure, what it is compared with and the rule, in one line."""
        value, champion, difference = self.shown()
        told = f"{self.figure} {value}".strip()
        if champion:
            told += f" against the champion's {champion}"
        if difference:
            told += f", {difference}"
        return f"{told}; {self.rule}" if self.rule else told

    def _difference(self) -> str:
        if self.difference is None:
            return ""
        value, low, high = (math.nan if part is None else part for part in self.difference)
        if self.unit == "share":
            return points(value, low, high)
        return f"{value:+,.1f} an hour"


@dataclass(frozen=True)
class Decision:
    """The gate's answer; `reason` names the figure that decided."""

    promoted: bool
    reason: str
    checks: tuple[Check, ...] = ()
    decided_by: str = ""
    """The figure of the check that decided."""


def decide(checks: tuple[Check, ...], passed: str = "") -> Decision:
    """Passed when none of the checks failed; the first that did decides, or else the first of all.

    `passed` is the reason where all pass; the sentence of the first check where it is empty.
    """
    failed = next((check for check in checks if check.verdict == "failed"), None)
    if failed is not None:
        return Decision(False, failed.sentence(), checks, failed.figure)
    first = checks[0]
    return Decision(True, passed or first.sentence(), checks, first.figure)


def differs(found: Estimate) -> tuple[float, float | None, float | None]:
    """A difference and its limits, None where they are not known."""
    low, high = (None if math.isnan(limit) else limit for limit in (found.low, found.high))
    return found.value, low, high


def _number(value: float | None, unit: CheckUnit) -> str:
    if value is None or math.isnan(value):
        return ""
    if unit == "share":
        return percent(value)
    return f"{value:,.1f} an hour" if unit else f"{value:g}"
