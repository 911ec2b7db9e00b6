"""What is known of a stream, and its scores: without its sound, and with numpy only."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

StreamKind = Literal["speech", "noise", "keywords in speech", "keywords in noise"]
STREAM_KINDS: tuple[StreamKind, ...] = get_args(StreamKind)


@dataclass(frozen=True)
class Event:
    """A keyword that is said in a stream."""

    keyword: str
    start_s: float
    end_s: float
    snr_db: float
    """Level of the keyword above its surroundings."""
    speaker_id: str
    segment_id: str


@dataclass(frozen=True)
class StreamFacts:
    """What is known of a stream without hearing it."""

    name: str
    kind: StreamKind
    duration_s: float
    events: tuple[Event, ...]
    speakers: tuple[str, ...]
    """Who is heard, in the background or saying keywords."""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "StreamFacts":
        """The facts of a row of the dataset, whose audio need not be there."""
        events = tuple(Event(**event) for event in row["events"])
        return cls(row["stream"], row["kind"], row["duration_s"], events, tuple(row["speakers"]))


@dataclass(frozen=True, eq=False)
class StreamEmbeddings:
    """Embeddings `[windows, dim]` of the spotter's windows over a stream."""

    facts: StreamFacts
    embeddings: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StreamScores:
    """Smoothed scores `[windows, keywords]` of a stream."""

    facts: StreamFacts
    scores: NDArray[np.float64]
