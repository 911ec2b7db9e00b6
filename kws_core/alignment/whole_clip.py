"""Aligner for recordings of one isolated word: the word is where the energy is."""

import math

import pyarrow as pa

from kws_core.alignment.word_rows import AlignedWord, WordRows
from kws_core.audio import decode_flac
from kws_core.config import SAMPLE_RATE_HZ, AlignmentConfig
from kws_core.part import PartOutput
from kws_core.speech_span import speech_span
from kws_core.text import normalise


class WholeClipAligner:
    """Takes the whole transcript as one label."""

    name = "whole_clip"
    version = 2

    def __init__(self, config: AlignmentConfig) -> None:
        """Nothing to load, nothing to configure."""

    def align(self, utterances: pa.Table) -> PartOutput:
        """Return one word an utterance; see `Aligner`."""
        rows = WordRows(self.name)
        for utterance in utterances.select(["utterance_id", "text", "language", "audio", "source"]).to_pylist():
            label = " ".join(normalise(utterance["text"], utterance["language"]))
            if not label:
                rows.reject(utterance["source"], f"the transcript {utterance['text']!r} has no letters")
                continue
            pcm = decode_flac(utterance["audio"])
            # the whole clip where its level hardly varies
            start_s, end_s = speech_span(pcm) or (0.0, len(pcm) / SAMPLE_RATE_HZ)
            rows.add(utterance["utterance_id"], [AlignedWord(label, start_s, end_s, math.nan)])
        return rows.output()
