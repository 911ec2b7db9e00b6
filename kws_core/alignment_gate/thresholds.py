"""Thresholds of one measure in one corpus, by median and MAD."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kws_core.alignment_gate.measures import Measure

Level = Literal["word", "utterance"]
# Of a normal distribution, the standard deviation in units of the median absolute deviation.
MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True)
class Threshold:
    """Where a measure stops being believed. Values are in the unit that the measure is shown in."""

    corpus: str
    measure: Measure
    level: Level
    low: float
    """Below it a word, or the median of an utterance, is rejected; -infinity where there is no limit."""
    high: float
    """Above it; infinity where there is no limit."""
    median: float
    judged: int
    """Words or utterances that have the measure."""
    rejected: int
    """How many of them are beyond the threshold, whatever else rejects them."""
    unused: str = ""
    """Why it rejects nothing; empty where it is in use."""

    def reason(self, value: float) -> str:
        """What is said of a segment that lies beyond it."""
        side, limit = ("below", self.low) if value < self.low else ("above", self.high)
        unit = self.measure.unit
        what = f"its {_name(self.measure)}" if self.level == "word" else f"its utterance's median {_name(self.measure)}"
        return f"{what} {value:.3g}{unit} is {side} {limit:.3g}{unit}, the limit of its corpus"


def threshold(
    corpus: str,
    measure: Measure,
    level: Level,
    values: NDArray[np.float64],
    factors: tuple[float | None, float | None],
    least: int,
) -> tuple[Threshold, NDArray[np.float64]]:
    """The threshold over `values [n]`, and how far each of them lies beyond it.

    `factors`, low and high, are in robust standard deviations; None is no limit. The excess is 0 at the limit, above 0
    for what is rejected, -1 at the median, and -infinity for NaN, and for all values when there are fewer than `least`
    of them or they have no spread.

    Source: Leys et al. 2013, "Detecting outliers: do not use standard deviation around the mean".
    """
    scaled = measure.scaled(values)
    known = scaled[np.isfinite(scaled)]
    median = float(np.median(known)) if len(known) else np.nan
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(known - median))) if len(known) else np.nan
    unused = _unused(len(known), least, spread, level) if len(known) else f"no {level} has it"
    excess, limits = np.full(len(values), -np.inf), [-np.inf, np.inf]
    if not unused:
        for side, (sign, factor) in enumerate(zip((-1, 1), factors, strict=True)):
            if factor is not None:
                limits[side] = median + sign * factor * spread
                beyond = sign * (scaled - limits[side]) / (factor * spread)
                excess = np.fmax(excess, beyond)
    found = Threshold(
        corpus,
        measure,
        level,
        low=measure.shown(limits[0]) if np.isfinite(limits[0]) else -np.inf,
        high=measure.shown(limits[1]) if np.isfinite(limits[1]) else np.inf,
        median=measure.shown(median),
        judged=len(known),
        rejected=int((excess > 0).sum()),
        unused=unused,
    )
    return found, excess


def _unused(count: int, least: int, spread: float, level: Level) -> str:
    if count < least:
        return f"{count} {level}s, {least} are needed"
    return "" if spread > 0 else f"more than half of the {level}s have the same value"


def _name(measure: Measure) -> str:
    return measure.title.split(" (")[0]
