"""What a spotter answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Detection:
    """A keyword found in a recording or a stream."""

    keyword: str
    start_s: float
    end_s: float
    """Estimated: the keyword's usual duration around the moment of the best score."""
    score: float
    """Score of the back end, averaged over neighbouring windows."""


@dataclass(frozen=True)
class Classification:
    """What a one-second window holds."""

    keyword: str
    score: float
    accepted: bool
