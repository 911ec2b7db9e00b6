"""What the alignment gate looks at: columns of the segments, and the scale on which they are compared."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Levels of digital silence stay finite.
SMALLEST_RMS = 1e-5


@dataclass(frozen=True)
class Measure:
    """One measure of an aligned word."""

    name: str
    """Column of `schemas.SEGMENTS`, and key of the section `alignment_gate`."""
    title: str
    """For readers, with the unit."""
    unit: str
    """After a value."""
    worse: int
    """-1: low values are suspicious, 1: high ones, 0: both ends."""

    def values(self, table: pa.Table) -> NDArray[np.float64]:
        """The measure of every row in the unit it is shown in; NaN where there is none."""
        raw = np.asarray(table[self.name].to_numpy(zero_copy_only=False), np.float64)
        if self.name == "rms":
            return np.asarray(20 * np.log10(np.maximum(raw, SMALLEST_RMS)))  # NaN stays NaN
        return raw

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values on the scale on which they are compared: logarithmic for rates."""
        if self.name != "speaking_rate":
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(np.where(values > 0, values, np.nan))

    def shown(self, scaled: float) -> float:
        """A value of that scale in the unit it is shown in."""
        return float(np.exp(scaled)) if self.name == "speaking_rate" else scaled

    def suspicion(self, values: NDArray[Any], centre: float) -> NDArray[np.float64]:
        """Values turned so that larger is more suspicious; those with two bad ends by their distance to `centre`."""
        scaled = self.scaled(np.asarray(values, np.float64))
        return np.abs(scaled - centre) if self.worse == 0 else self.worse * scaled


MEASURES: tuple[Measure, ...] = (
    Measure("score", "alignment score", "", -1),
    Measure("phone_duration_deviation", "phone-duration deviation", "", 1),
    Measure("disagreement_s", "disagreement of two aligners (s)", " s", 1),
    Measure("speaking_rate", "speaking rate (letters/s)", " letters/s", 0),
    Measure("rms", "level (dB)", " dB", -1),
    Measure("boundary_silence_db", "boundary silence (dB)", " dB", 1),
)
