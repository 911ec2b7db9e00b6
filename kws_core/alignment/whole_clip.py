"""Aligner for recordings of one isolated word: the word is where the energy is."""

import math

import numpy as np
import pyarrow as pa

from kws_core.alignment.lexicon import normalise
from kws_core.alignment.word_rows import AlignedWord, WordRows
from kws_core.audio import Pcm16, decode_flac, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ, AlignmentConfig
from kws_core.part import PartOutput

HOP_S = 0.01
# A frame belongs to the word above this share of the way, in decibels, from the clip's floor to its peak.
ENERGY_SHARE = 0.35
SMALLEST_RANGE_DB = 6.0


class WholeClipAligner:
    """Takes the whole transcript as one label."""

    name = "whole_clip"
    version = 2

    def __init__(self, config: AlignmentConfig) -> None:
        """Nothing to load, nothing to configure."""

    def align(self, utterances: pa.Table) -> PartOutput:
        """Return one word an utterance; see `Aligner`."""
        rows = WordRows(self.name)
        for utterance in utterances.select(["utterance_id", "text", "audio", "source"]).to_pylist():
            label = " ".join(normalise(utterance["text"]))
            if not label:
                rows.reject(utterance["source"], f"the transcript {utterance['text']!r} has no letters")
                continue
            start_s, end_s = speech_span(decode_flac(utterance["audio"]))
            rows.add(utterance["utterance_id"], [AlignedWord(label, start_s, end_s, math.nan)])
        return rows.output()


def speech_span(pcm: Pcm16) -> tuple[float, float]:
    """First and last moment of speech in seconds, by energy; the whole clip when its level hardly varies."""
    hop = int(HOP_S * SAMPLE_RATE_HZ)
    whole = len(pcm) // hop * hop
    if not whole:
        return 0.0, len(pcm) / SAMPLE_RATE_HZ
    frames = pcm16_to_float(pcm[:whole]).reshape(-1, hop)
    level_db = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    # three frames of smoothing keep single clicks out
    smooth = np.convolve(np.pad(level_db, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    floor, peak = np.percentile(smooth, 10), smooth.max()
    if peak - floor < SMALLEST_RANGE_DB:
        return 0.0, len(pcm) / SAMPLE_RATE_HZ
    loud = np.flatnonzero(smooth >= floor + ENERGY_SHARE * (peak - floor))
    return float(loud[0] * HOP_S), float((loud[-1] + 1) * HOP_S)
