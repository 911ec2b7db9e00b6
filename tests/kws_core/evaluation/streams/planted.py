"""Streams with known events and known scores."""

import numpy as np

from kws_core.detector import HOP_S
from kws_core.evaluation.streams.facts import Event, StreamFacts, StreamScores

LOW = -5.0


def event(keyword, window, speaker="s1", snr_db=10.0, half_s=0.2):
    """A keyword of 0.4 s whose middle is the centre of the smoothed score at a window."""
    middle_s = (window - 0.5) * HOP_S
    return Event(keyword, middle_s - half_s, middle_s + half_s, snr_db, speaker, f"{keyword}-{window}")


def stream(windows, peaks, events=(), kind="keywords in speech", keywords=2, name="planted"):
    """Scores that are `LOW` but at `peaks`: (window, keyword's place, score)."""
    scores = np.full((windows, keywords), LOW)
    for window, keyword, score in peaks:
        scores[window, keyword] = score
    speakers = tuple(sorted({event.speaker_id for event in events}))
    return StreamScores(StreamFacts(name, kind, windows * HOP_S, tuple(events), speakers), scores)
