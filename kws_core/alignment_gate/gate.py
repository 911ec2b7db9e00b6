"""Which segments of a dataset are rejected for their alignment, and why."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.alignment_gate.measures import MEASURES, Measure
from kws_core.alignment_gate.thresholds import Level, Threshold, threshold
from kws_core.config import AlignmentGateConfig
from kws_core.manifest import Manifest
from kws_core.part import Quarantine
from kws_core.segments import BACKGROUND
from kws_core.store import Store

STAGE = "alignment gate"
GATE_COLUMNS = ["segment_id", "utterance_id", "corpus", "label", "source", *(measure.name for measure in MEASURES)]


@dataclass(frozen=True, eq=False)
class GateOutcome:
    """The gate's judgement of every row of a table of segments."""

    table: pa.Table
    """`GATE_COLUMNS` of the judged segments."""
    culprit: NDArray[np.int64]
    """`[rows]`: which of `thresholds` rejects the row, the first that does; -1 for rows that are kept."""
    values: NDArray[np.float64]
    """`[rows]`: the value that lies beyond it, of the word or its utterance; NaN for rows that are kept."""
    excess: NDArray[np.float64]
    """`[rows]`: how far it lies beyond the limit that it exceeds most, see `thresholds.threshold`: above 0 for rejected
    rows, -infinity where nothing was measured."""
    thresholds: tuple[Threshold, ...]
    config: AlignmentGateConfig

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """`[rows]`: whether the row is rejected."""
        found: NDArray[np.bool_] = self.culprit >= 0
        return found

    def reason(self, row: int) -> str:
        """Why a rejected row is."""
        return self.thresholds[int(self.culprit[row])].reason(float(self.values[row]))

    def judged_values(self, number: int) -> NDArray[np.float64]:
        """Values that a threshold judges, `[its judged]`: of the words of its corpus, or of their utterances."""
        found = self.thresholds[number]
        own = np.flatnonzero(np.array(self.table["corpus"].to_pylist(), np.str_) == found.corpus)
        table = self.table.take(own)
        values = np.where(_is_word(table), found.measure.values(table), np.nan)
        if found.level == "utterance":
            codes = _utterance_codes(table)
            values = utterance_medians(values, codes, int(codes.max(initial=-1)) + 1, self.config.min_utterance_words)
        return values[np.isfinite(values)]

    def quarantine(self) -> pa.Table:
        """The rejected segments with their reasons."""
        found = Quarantine(STAGE)
        rows = np.flatnonzero(self.rejected)
        named = self.table.select(["source", "segment_id", "label"]).take(rows).to_pylist()
        for row, names in zip(rows.tolist(), named, strict=True):
            found.add(f"{names['source']} segment {names['segment_id']} {names['label']!r}", self.reason(row))
        return found.table()


def read_measures(store: Store, segments: Manifest) -> pa.Table:
    """`GATE_COLUMNS` of every segment, in the order of the parts: no audio is read."""
    return store.read_table(segments, GATE_COLUMNS)


def judge_alignments(table: pa.Table, config: AlignmentGateConfig) -> GateOutcome:
    """Judge segments by the statistics of their corpora; `table` has `GATE_COLUMNS`.

    An utterance that is rejected takes all its segments with it, cuts between its words too. Without
    `config.enabled` thresholds are empty and all rows are kept.
    """
    rows = table.num_rows
    culprit = np.full(rows, -1, np.int64)
    values, excess = np.full(rows, np.nan), np.full(rows, -np.inf)
    thresholds: list[Threshold] = []
    if config.enabled and rows:
        utterances, is_word = _utterance_codes(table), _is_word(table)
        corpora = np.array(table["corpus"].to_pylist(), np.str_)
        columns = {measure: np.where(is_word, measure.values(table), np.nan) for measure in MEASURES}
        for corpus in np.unique(corpora).tolist():
            own = np.flatnonzero(corpora == corpus)
            for level in ("utterance", "word"):
                for measure in MEASURES:
                    found, own_excess, judged = _judge(
                        corpus, measure, level, columns[measure][own], utterances[own], config
                    )
                    if found is None:
                        continue
                    excess[own] = np.maximum(excess[own], own_excess)
                    new = (own_excess > 0) & (culprit[own] < 0)
                    culprit[own[new]] = len(thresholds)
                    values[own[new]] = judged[new]
                    thresholds.append(found)
    return GateOutcome(table, culprit, values, excess, tuple(thresholds), config)


def _judge(
    corpus: str,
    measure: Measure,
    level: Level,
    values: NDArray[np.float64],
    utterances: NDArray[np.int64],
    config: AlignmentGateConfig,
) -> tuple[Threshold | None, NDArray[np.float64], NDArray[np.float64]]:
    """The threshold, the excess of each row and the value that it is judged by; None where it is switched off."""
    limits = getattr(config, measure.name)
    factors = (getattr(limits, f"{level}_low"), getattr(limits, f"{level}_high"))
    if factors == (None, None):
        return None, values, values
    if level == "word":
        found, excess = threshold(corpus, measure, level, values, factors, config.min_words)
        return found, excess, values
    numbers, places = np.unique(utterances, return_inverse=True)
    medians = utterance_medians(values, places, len(numbers), config.min_utterance_words)
    found, excess = threshold(corpus, measure, level, medians, factors, config.min_utterances)
    return found, excess[places], medians[places]


def utterance_medians(
    values: NDArray[np.float64], utterances: NDArray[np.int64], count: int, least: int
) -> NDArray[np.float64]:
    """Median of `values [words]` over each of `count` utterances; NaN where fewer than `least` are known.

    `utterances [words]` numbers the utterance of each word.
    """
    known = np.isfinite(values)
    values, utterances = values[known], utterances[known]
    order = np.lexsort((values, utterances))
    ranked = values[order]
    sizes = np.bincount(utterances, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    judged = sizes >= max(least, 1)
    medians = np.full(count, np.nan)
    first, size = starts[judged], sizes[judged]
    medians[judged] = (ranked[first + (size - 1) // 2] + ranked[first + size // 2]) / 2
    return medians


def _utterance_codes(table: pa.Table) -> NDArray[np.int64]:
    """A number for the utterance of each row, from 0."""
    return np.asarray(table["utterance_id"].combine_chunks().dictionary_encode().indices, np.int64)


def _is_word(table: pa.Table) -> NDArray[np.bool_]:
    return np.asarray(pc.not_equal(table["label"], BACKGROUND), np.bool_)
