"""Forced alignment by PocketSphinx: the embedded default for English sentences."""

import math
import sys
from typing import Any

import numpy as np
import pyarrow as pa

from kws_core.alignment.lexicon import normalise, pronunciation
from kws_core.alignment.word_rows import AlignedWord, WordRows
from kws_core.audio import Pcm16, decode_flac
from kws_core.config import SAMPLE_RATE_HZ, AlignmentConfig
from kws_core.errors import AlignmentError
from kws_core.part import PartOutput

FRAME_RATE_HZ = 100
SMALLEST_LIKELIHOOD = sys.float_info.min


class PocketSphinxAligner:
    """One decoder a process: loading takes a third of a second, and threads gain nothing."""

    name = "pocketsphinx"
    version = 2

    def __init__(self, config: AlignmentConfig) -> None:
        """Load the English model that is inside the wheel.

        Raises:
            AlignmentError: PocketSphinx is not installed.
        """
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise AlignmentError(
                "the aligner pocketsphinx is not installed: pip install 'kws-foundry[core]'"
            ) from error
        self._padding_s = config.padding_s
        self._decoder: Any = Decoder(lm=None, samprate=SAMPLE_RATE_HZ, loglevel="FATAL")

    def align(self, utterances: pa.Table) -> PartOutput:
        """Return the words of every utterance; see `Aligner`."""
        rows = WordRows(self.name)
        for utterance in utterances.select(["utterance_id", "text", "audio", "source"]).to_pylist():
            words = normalise(utterance["text"])
            aligned = self._align(decode_flac(utterance["audio"]), words)
            if isinstance(aligned, str):
                rows.reject(utterance["source"], aligned)
            else:
                rows.add(utterance["utterance_id"], aligned)
        return rows.output()

    def _align(self, pcm: Pcm16, words: list[str]) -> list[AlignedWord] | str:
        """Words with times, or the reason why there are none."""
        if not words:
            return "the transcript has no words"
        unknown = [word for word in words if not self._know(word)]
        if unknown:
            return f"words in no dictionary: {', '.join(dict.fromkeys(unknown))}"
        padding = np.zeros(int(self._padding_s * SAMPLE_RATE_HZ), np.int16)
        decoder = self._decoder
        try:
            decoder.set_align_text(" ".join(words))
            decoder.start_utt()
            decoder.process_raw(np.concatenate([padding, pcm, padding]).tobytes(), full_utt=True)
            decoder.end_utt()
            segments = list(decoder.seg() or ())
        except RuntimeError as error:
            return f"PocketSphinx cannot align it: {' '.join(str(error).split())}"
        duration_s = len(pcm) / SAMPLE_RATE_HZ
        aligned = []
        for segment in segments:
            if segment.word.startswith(("<", "[", "+")):
                continue
            frames = segment.end_frame + 1 - segment.start_frame
            start_s = segment.start_frame / FRAME_RATE_HZ - self._padding_s
            end_s = start_s + frames / FRAME_RATE_HZ
            aligned.append(
                AlignedWord(
                    segment.word.split("(")[0],
                    round(min(max(start_s, 0.0), duration_s), 6),
                    round(min(max(end_s, 0.0), duration_s), 6),
                    # a likelihood, not its logarithm; that of a very long word is too small for a float
                    math.log(max(segment.ascore, SMALLEST_LIKELIHOOD)) / frames,
                )
            )
        if [word.word for word in aligned] != words:
            found = " ".join(word.word for word in aligned) or "nothing"
            return f"the audio does not match the transcript: aligned {found!r}"
        return aligned

    def _know(self, word: str) -> bool:
        if self._decoder.lookup_word(word) is not None:
            return True
        phones = pronunciation(word)
        if phones is None:
            return False
        self._decoder.add_word(word, phones, True)
        return True
