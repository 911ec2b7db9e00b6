"""What MFA writes: intervals of words and phones a file, and one table of scores a run."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kws_core.errors import AlignmentError

ANALYSIS = "alignment_analysis.csv"
EXTENSIONS = {"json": "json", "long_textgrid": "TextGrid", "short_textgrid": "TextGrid"}
# MFA computes times in float32: 0.07 is written as 0.07000000029802322
_DECIMALS = 4


class Interval(NamedTuple):
    """A labelled stretch, seconds from the start of the file."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class FileAlignment:
    """The two tiers of one file, without the gaps."""

    words: tuple[Interval, ...]
    phones: tuple[Interval, ...]


@dataclass(frozen=True)
class UtteranceAnalysis:
    """MFA's own figures of one utterance; NaN where it gives none, as for what it left out."""

    overall_log_likelihood: float
    speech_log_likelihood: float
    """Mean log likelihood a frame of speech; NaN where no word is known."""
    phone_duration_deviation: float

    @property
    def aligned(self) -> bool:
        """Whether MFA says that it aligned the utterance."""
        return not math.isnan(self.overall_log_likelihood)


def read_alignment(path: Path, speaker: str = "") -> FileAlignment:
    """Read a `.json` or `.TextGrid` file; `speaker` names the tiers to take where several speakers share a file.

    Raises:
        AlignmentError: the file is not MFA's, or has tiers of several speakers and `speaker` names none of them.
    """
    try:
        tiers = _json_tiers(path) if path.suffix == ".json" else _textgrid_tiers(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise AlignmentError(f"{path.name} is no alignment of MFA's: {type(error).__name__}: {error}") from error
    return FileAlignment(_tier(path, tiers, "words", speaker), _tier(path, tiers, "phones", speaker))


def read_analysis(path: Path) -> dict[str, UtteranceAnalysis]:
    """Read `alignment_analysis.csv`: figures by the basename of the file; raises `AlignmentError` for another table."""
    figures = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        needed = ("file", "overall_log_likelihood", "speech_log_likelihood", "phone_duration_deviation")
        missing = [name for name in needed if name not in (rows.fieldnames or ())]
        if missing:
            raise AlignmentError(f"{path.name} of MFA lacks the column {', '.join(missing)}")
        for row in rows:
            figures[row["file"]] = UtteranceAnalysis(*(_number(path, row[name]) for name in needed[1:]))
    return figures


def _json_tiers(path: Path) -> dict[str, list[Interval]]:
    tiers = json.loads(path.read_text(encoding="utf-8"))["tiers"]
    return {name: [_interval(*entry) for entry in tier["entries"]] for name, tier in tiers.items()}


def _textgrid_tiers(path: Path) -> dict[str, list[Interval]]:
    from praatio import textgrid  # here: the json format needs none
    from praatio.utilities.errors import PraatioException

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    except PraatioException as error:
        raise ValueError(str(error)) from error
    return {name: [_interval(*entry) for entry in grid.getTier(name).entries] for name in grid.tierNames}


def _interval(start: float, end: float, label: str) -> Interval:
    return Interval(round(float(start), _DECIMALS), round(float(end), _DECIMALS), str(label))


def _tier(path: Path, tiers: dict[str, list[Interval]], name: str, speaker: str) -> tuple[Interval, ...]:
    """The tier `words`, or `SPEAKER - words` where several speakers share a file."""
    wanted = f"{speaker} - {name}" if speaker else name
    found = tiers.get(wanted, tiers.get(name))
    if found is None:
        several = [tier for tier in tiers if tier.endswith(f" - {name}")]
        if len(several) != 1 or speaker:
            raise AlignmentError(f"{path.name} has no tier {wanted!r}; it has {_listed(list(tiers))}")
        found = tiers[several[0]]
    return tuple(interval for interval in found if interval.label)


def _number(path: Path, text: str | None) -> float:
    if not text:
        return math.nan
    try:
        return float(text)
    except ValueError as error:
        raise AlignmentError(f"{path.name} of MFA has {text!r} where a number belongs") from error


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
