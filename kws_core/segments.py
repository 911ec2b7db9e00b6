"""Words to cut, gated segments.

Rules of Ma et al.: 0.5 to 1.0 s, labels of at least two characters. A cut keeps the speech around the word, because
that is what a spotter's window will hear; where the word lies inside the cut is kept with it.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kws_core.audio import Pcm16, decode_flac
from kws_core.config import SAMPLE_RATE_HZ, SegmentsConfig
from kws_core.fingerprint import unit_interval
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS

STAGE = "segments"
VERSION = 3
UTTERANCE_COLUMNS = ["utterance_id", "corpus", "speaker_id", "split", "audio", "source", "licence"]
# Label of cuts between words: what a sliding window hears most of the time.
BACKGROUND = "<background>"
# What lies this close outside a word tells whether the word starts and ends there.
OUTSIDE_S = 0.05
# Mean square of digital silence, so that levels stay finite.
SMALLEST_POWER = 1e-10


def cut_part(utterances: pa.Table, words: pa.Table, config: SegmentsConfig) -> PartOutput:
    """Cut every eligible word of one part; words that fail a gate are quarantined with the reason."""
    quarantine = Quarantine(STAGE)
    tables = [SEGMENTS.empty_table()]
    by_utterance: dict[str, list[dict[str, Any]]] = {}
    for word in words.to_pylist():
        by_utterance.setdefault(word["utterance_id"], []).append(word)
    for batch in utterances.select(UTTERANCE_COLUMNS).to_batches(max_chunksize=64):
        rows: list[dict[str, Any]] = []
        for utterance in batch.to_pylist():
            aligned = by_utterance.get(utterance["utterance_id"])
            if not aligned:
                continue
            pcm = decode_flac(utterance["audio"])
            for word in aligned:
                row = _cut_word(utterance, word, pcm, config)
                if isinstance(row, str):
                    quarantine.add(f"{utterance['source']} word {word['index']} {word['word']!r}", row)
                else:
                    rows.append(row)
            rows.extend(_cut_background(utterance, aligned, pcm, config))
        tables.append(_table(rows))
    return PartOutput(pa.concat_tables(tables), quarantine.table())


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as Arrow; their audio, samples of the utterance until here, is copied once."""
    audio = [row["audio"] for row in rows]
    ends = np.cumsum([0, *(samples.nbytes for samples in audio)], dtype=np.int32)
    data = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(audio))]
    columns = [
        pa.Array.from_buffers(field.type, len(rows), data)
        if field.name == "audio"
        else pa.array([row[field.name] for row in rows], field.type)
        for field in SEGMENTS
    ]
    return pa.table(columns, schema=SEGMENTS)


def cut_span(word_start_s: float, word_end_s: float, duration_s: float, config: SegmentsConfig) -> tuple[float, float]:
    """Start and end of the cut: the word with equal context on both sides, inside the utterance."""
    wanted_s = (word_end_s - word_start_s) + 2 * config.context_s
    length_s = min(max(wanted_s, config.min_duration_s), config.max_duration_s)
    centre_s = (word_start_s + word_end_s) / 2
    return max(centre_s - length_s / 2, 0.0), min(centre_s + length_s / 2, duration_s)


def _cut_word(
    utterance: dict[str, Any], word: dict[str, Any], pcm: Pcm16, config: SegmentsConfig
) -> dict[str, Any] | str:
    label, word_start_s, word_end_s = word["word"], word["start_s"], word["end_s"]
    word_s = word_end_s - word_start_s
    if len(label) < config.min_label_characters:
        return f"its label has fewer than {config.min_label_characters} characters"
    if word_s < config.min_word_s:
        return f"it lasts {word_s:.2f} s; at least {config.min_word_s:g} s are needed"
    if word_s > config.max_duration_s:
        return f"it lasts {word_s:.2f} s; at most {config.max_duration_s:g} s fit a segment"
    if not math.isnan(word["score"]) and word["score"] < config.min_score:
        return f"its alignment score {word['score']:.1f} is below {config.min_score:g}"
    first, last = round(word_start_s * SAMPLE_RATE_HZ), round(word_end_s * SAMPLE_RATE_HZ)
    power = _mean_square(pcm[first:last])
    rms = math.sqrt(power)
    if rms < config.min_rms:
        return f"its level {rms:.1e} is below {config.min_rms:g}: silence"
    segment_id = f"{utterance['utterance_id']}-{word['index']:03d}"
    measures = _Measures(
        score=word["score"],
        phone_duration_deviation=word["phone_duration_deviation"],
        disagreement_s=word["disagreement_s"],
        speaking_rate=sum(character.isalnum() for character in label) / word_s,
        rms=rms,
        boundary_silence_db=_boundary_silence_db(pcm, first, last, power),
    )
    return _row(utterance, segment_id, label, (word_start_s, word_end_s), measures, pcm, config)


def _cut_background(
    utterance: dict[str, Any], words: list[dict[str, Any]], pcm: Pcm16, config: SegmentsConfig
) -> list[dict[str, Any]]:
    """Cuts centred between words, or where speech starts or ends; a hash chooses `background_share` of them."""
    starts, ends = [word["start_s"] for word in words], [word["end_s"] for word in words]
    # where the aligner lost a word, its neighbours' middle is no background
    inner = [
        (before["end_s"] + after["start_s"]) / 2
        for before, after in pairwise(words)
        if after["index"] == before["index"] + 1
    ]
    rows = []
    for number, centre_s in enumerate([starts[0], *inner, ends[-1]]):
        segment_id = f"{utterance['utterance_id']}-b{number:03d}"
        if unit_interval("background", segment_id) < config.background_share:
            rows.append(_row(utterance, segment_id, BACKGROUND, (centre_s, centre_s), _Measures(), pcm, config))
    return rows


def _boundary_silence_db(pcm: Pcm16, first: int, last: int, power: float) -> float:
    """Mean level `OUTSIDE_S` before and after the word less that inside, in dB; NaN where nothing is outside."""
    width = round(OUTSIDE_S * SAMPLE_RATE_HZ)
    outside = [side for side in (pcm[max(first - width, 0) : first], pcm[last : last + width]) if len(side)]
    if not outside:
        return math.nan
    beside = sum(_mean_square(side) for side in outside) / len(outside)
    return 10 * math.log10((beside + SMALLEST_POWER) / (power + SMALLEST_POWER))


def _mean_square(pcm: Pcm16) -> float:
    """Power of samples, full scale = 1; 0 without any."""
    if not len(pcm):
        return 0.0
    samples = pcm.astype(np.float64)  # integers, whose squares add up without rounding
    # not the product of matrices, which starts threads for so little
    return float(np.einsum("i,i->", samples, samples)) / len(pcm) / 2.0**30


@dataclass(frozen=True)
class _Measures:
    """Of a word; background has none. See `schemas.SEGMENTS`."""

    score: float = math.nan
    phone_duration_deviation: float = math.nan
    disagreement_s: float = math.nan
    speaking_rate: float = math.nan
    rms: float = math.nan
    boundary_silence_db: float = math.nan


def _row(
    utterance: dict[str, Any],
    segment_id: str,
    label: str,
    word_s: tuple[float, float],
    measures: _Measures,
    pcm: Pcm16,
    config: SegmentsConfig,
) -> dict[str, Any]:
    start_s, end_s = cut_span(*word_s, len(pcm) / SAMPLE_RATE_HZ, config)
    first, last = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
    return {
        "segment_id": segment_id,
        "utterance_id": utterance["utterance_id"],
        "corpus": utterance["corpus"],
        "speaker_id": utterance["speaker_id"],
        "split": utterance["split"],
        "label": label,
        "start_s": first / SAMPLE_RATE_HZ,
        "end_s": last / SAMPLE_RATE_HZ,
        "word_start_s": word_s[0],
        "word_end_s": word_s[1],
        "audio": pcm[first:last],
        **vars(measures),
        "source": utterance["source"],
        "licence": utterance["licence"],
    }
