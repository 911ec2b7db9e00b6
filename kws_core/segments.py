"""Words to cut, gated segments.

Rules of Ma et al.: 0.5 to 1.0 s, labels of at least two characters. A cut keeps the speech around the word, because
that is what a spotter's window will hear; where the word lies inside the cut is kept with it.
"""

import math
from typing import Any

import numpy as np
import pyarrow as pa

from kws_core.audio import Pcm16, decode_flac, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ, SegmentsConfig
from kws_core.fingerprint import unit_interval
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS

STAGE = "segments"
VERSION = 2
# Label of cuts between words: what a sliding window hears most of the time.
BACKGROUND = "<background>"


def cut_part(utterances: pa.Table, words: pa.Table, config: SegmentsConfig) -> PartOutput:
    """Cut every eligible word of one part; words that fail a gate are quarantined with the reason."""
    quarantine = Quarantine(STAGE)
    rows: list[dict[str, Any]] = []
    by_utterance: dict[str, list[dict[str, Any]]] = {}
    for word in words.to_pylist():
        by_utterance.setdefault(word["utterance_id"], []).append(word)
    for batch in utterances.to_batches(max_chunksize=64):
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
    return PartOutput(pa.Table.from_pylist(rows, schema=SEGMENTS), quarantine.table())


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
    spoken = pcm16_to_float(pcm[round(word_start_s * SAMPLE_RATE_HZ) : round(word_end_s * SAMPLE_RATE_HZ)])
    rms = float(np.sqrt(np.mean(np.square(spoken, dtype=np.float64)))) if len(spoken) else 0.0
    if rms < config.min_rms:
        return f"its level {rms:.1e} is below {config.min_rms:g}: silence"
    segment_id = f"{utterance['utterance_id']}-{word['index']:03d}"
    return _row(utterance, segment_id, label, (word_start_s, word_end_s), word["score"], rms, pcm, config)


def _cut_background(
    utterance: dict[str, Any], words: list[dict[str, Any]], pcm: Pcm16, config: SegmentsConfig
) -> list[dict[str, Any]]:
    """Cuts centred between words, or where speech starts or ends; a hash chooses `background_share` of them."""
    starts, ends = [word["start_s"] for word in words], [word["end_s"] for word in words]
    inner = [(end + start) / 2 for end, start in zip(ends[:-1], starts[1:], strict=True)]
    rows = []
    for number, centre_s in enumerate([starts[0], *inner, ends[-1]]):
        segment_id = f"{utterance['utterance_id']}-b{number:03d}"
        if unit_interval("background", segment_id) < config.background_share:
            rows.append(_row(utterance, segment_id, BACKGROUND, (centre_s, centre_s), math.nan, 0.0, pcm, config))
    return rows


def _row(
    utterance: dict[str, Any],
    segment_id: str,
    label: str,
    word_s: tuple[float, float],
    score: float,
    rms: float,
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
        "label": label,
        "start_s": first / SAMPLE_RATE_HZ,
        "end_s": last / SAMPLE_RATE_HZ,
        "word_start_s": word_s[0],
        "word_end_s": word_s[1],
        "audio": pcm[first:last].tobytes(),
        "score": score,
        "rms": rms,
        "source": utterance["source"],
        "licence": utterance["licence"],
    }
