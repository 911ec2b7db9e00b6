"""Segments worth hearing: those that the gate rejects, and those that it just keeps."""

from dataclasses import dataclass

import numpy as np

from kws_core.alignment_gate.gate import GateOutcome
from kws_core.audio import encode_flac
from kws_core.manifest import Manifest
from kws_core.segments import BACKGROUND
from kws_core.store import Store

EXAMPLES = 4
"""Of each corpus, rejected and kept."""


@dataclass(frozen=True, eq=False)
class GateExample:
    """A segment close to a threshold, or one that is far beyond it."""

    corpus: str
    label: str
    source: str
    reason: str
    """Why it is rejected; empty where it is kept."""
    flac: bytes


def choose_examples(outcome: GateOutcome, per_corpus: int = EXAMPLES) -> list[int]:
    """Rows of each corpus: of the rejected ones half nearest to their limit, half farthest beyond; kept ones nearest.

    At most one segment of an utterance.
    """
    chosen: list[int] = []
    corpora = np.array(outcome.table["corpus"].to_pylist(), np.str_)
    words = np.array(outcome.table["label"].to_pylist(), np.str_) != BACKGROUND
    utterances = outcome.table["utterance_id"].to_pylist()
    order = np.argsort(outcome.excess, kind="stable")
    order = order[words[order] & np.isfinite(outcome.excess[order])]
    for corpus in np.unique(corpora).tolist():
        own = order[corpora[order] == corpus]
        rejected, kept = own[outcome.excess[own] > 0], own[outcome.excess[own] <= 0][::-1]
        nearest = (per_corpus + 1) // 2
        seen: set[str] = set()
        for rows, count in ((rejected, nearest), (rejected[::-1], per_corpus - nearest), (kept, per_corpus)):
            found = 0
            for row in rows.tolist():
                if found < count and utterances[row] not in seen:
                    seen.add(utterances[row])
                    chosen.append(row)
                    found += 1
    return chosen


def read_examples(store: Store, segments: Manifest, outcome: GateOutcome, rows: list[int]) -> list[GateExample]:
    """The chosen rows with their sound; of each part that has any, the audio column is read."""
    ends = np.cumsum([part.rows for part in segments.parts])
    sounds: dict[int, bytes] = {}
    for number in sorted(set(np.searchsorted(ends, rows, side="right").tolist())):
        part = segments.parts[number]
        first = int(ends[number]) - part.rows
        places = [row - first for row in rows if first <= row < ends[number]]
        audio = store.read_part(segments.stage, part, ["audio"])["audio"].take(places).to_pylist()
        sounds |= {first + place: content for place, content in zip(places, audio, strict=True)}
    named = outcome.table.select(["corpus", "label", "source"]).take(rows).to_pylist()
    return [
        GateExample(
            **names,
            reason=outcome.reason(row) if outcome.culprit[row] >= 0 else "",
            flac=encode_flac(np.frombuffer(sounds[row], "<i2")),
        )
        for row, names in zip(rows, named, strict=True)
    ]
