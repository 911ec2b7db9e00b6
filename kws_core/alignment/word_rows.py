"""Builds one part of the words dataset, whatever the aligner."""

import math
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import WORDS


@dataclass(frozen=True)
class AlignedWord:
    """A word and its times in seconds from the start of the utterance."""

    word: str
    start_s: float
    end_s: float
    score: float
    """Mean log likelihood a frame in the aligner's own unit; NaN where it has none."""
    phone_duration_deviation: float = math.nan
    """Mean over its phones of the absolute z-score of the log duration; NaN where the aligner tells no phones."""
    disagreement_s: float = math.nan
    """Larger difference of start or end to a second aligner in seconds; NaN where one aligner ran."""


class WordRows:
    """Collects the words of utterances and the utterances that could not be aligned."""

    def __init__(self, aligner: str) -> None:
        """Start an empty part."""
        self._aligner = aligner
        self._rows: list[dict[str, Any]] = []
        self._quarantine = Quarantine("words")

    def add(self, utterance_id: str, words: list[AlignedWord], positions: list[int] | None = None) -> None:
        """Take the words of one utterance, in order; `positions` in the transcript where some between are lost."""
        for index, word in zip(range(len(words)) if positions is None else positions, words, strict=True):
            self._rows.append(
                {
                    "utterance_id": utterance_id,
                    "index": index,
                    "word": word.word,
                    "start_s": word.start_s,
                    "end_s": word.end_s,
                    "score": word.score,
                    "phone_duration_deviation": word.phone_duration_deviation,
                    "disagreement_s": word.disagreement_s,
                    "aligner": self._aligner,
                }
            )

    def reject(self, source: str, reason: str) -> None:
        """Quarantine an utterance, named by its source."""
        self._quarantine.add(source, reason)

    def output(self) -> PartOutput:
        """The finished part."""
        return PartOutput(pa.Table.from_pylist(self._rows, schema=WORDS), self._quarantine.table())
