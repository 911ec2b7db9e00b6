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
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS

STAGE = "segments"
VERSION = 1


def cut_part(utterances: pa.Table, words: pa.Table, config: SegmentsConfig) -> PartOutput:
    """Cut every eligible word of one part; words that fail a gate are quarantined with the reason."""
    quarantine = Quarantine(STAGE)
    rows: list[dict[str, Any]] = []
    by_utterance: dict[str, list[dict[str, Any]]] = {}
    for word in words.to_pylist():
        by_utterance.setdefault(word["utterance_id"], []).append(word)
    for batch in utterances.to_batches(max_chunksize=64):
        for utterance in batch.to_pylist():
            pcm: Pcm16 | None = None
            for word in by_utterance.get(utterance["utterance_id"], ()):
                pcm = decode_flac(utterance["audio"]) if pcm is None else pcm
                row = _cut(utterance, word, pcm, config)
                if isinstance(row, str):
                    quarantine.add(f"{utterance['source']} word {word['index']} {word['word']!r}", row)
                else:
                    rows.append(row)
    return PartOutput(pa.Table.from_pylist(rows, schema=SEGMENTS), quarantine.table())


def cut_span(word_start_s: float, word_end_s: float, duration_s: float, config: SegmentsConfig) -> tuple[float, float]:
    """Start and end of the cut: the word with equal context on both sides, inside the utterance."""
    wanted_s = (word_end_s - word_start_s) + 2 * config.context_s
    length_s = min(max(wanted_s, config.min_duration_s), config.max_duration_s)
    centre_s = (word_start_s + word_end_s) / 2
    return max(centre_s - length_s / 2, 0.0), min(centre_s + length_s / 2, duration_s)


def _cut(utterance: dict[str, Any], word: dict[str, Any], pcm: Pcm16, config: SegmentsConfig) -> dict[str, Any] | str:
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
    start_s, end_s = cut_span(word_start_s, word_end_s, len(pcm) / SAMPLE_RATE_HZ, config)
    first, last = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
    spoken = pcm16_to_float(pcm[round(word_start_s * SAMPLE_RATE_HZ) : round(word_end_s * SAMPLE_RATE_HZ)])
    rms = float(np.sqrt(np.mean(np.square(spoken, dtype=np.float64)))) if len(spoken) else 0.0
    if rms < config.min_rms:
        return f"its level {rms:.1e} is below {config.min_rms:g}: silence"
    return {
        "segment_id": f"{utterance['utterance_id']}-{word['index']:03d}",
        "utterance_id": utterance["utterance_id"],
        "corpus": utterance["corpus"],
        "speaker_id": utterance["speaker_id"],
        "label": label,
        "start_s": first / SAMPLE_RATE_HZ,
        "end_s": last / SAMPLE_RATE_HZ,
        "word_start_s": word_start_s,
        "word_end_s": word_end_s,
        "audio": pcm[first:last].tobytes(),
        "score": word["score"],
        "rms": rms,
        "source": utterance["source"],
        "licence": utterance["licence"],
    }
