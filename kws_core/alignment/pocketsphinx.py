"""Forced alignment by PocketSphinx: the embedded default for English sentences."""

import numpy as np
import pyarrow as pa

from kws_core.alignment.lexicon import pronunciation
from kws_core.alignment.onset import frame_levels, move_starts
from kws_core.alignment.phone_durations import duration_deviation
from kws_core.alignment.pocketsphinx_decoder import FRAME_RATE_HZ, SPOKEN_NOISE, AlignmentDecoder, FoundWord
from kws_core.alignment.pronunciation import pronounce
from kws_core.alignment.word_rows import AlignedWord, WordRows
from kws_core.audio import Pcm16, decode_flac
from kws_core.config import SAMPLE_RATE_HZ, AlignmentConfig
from kws_core.part import PartOutput
from kws_core.text import normalise

# Word bonus, beam and word beam of the searches that a recording is given, one after the other.
SEARCHES = ((0.65, 1e-48, 7e-29), (20.0, 1e-80, 1e-60), (1e6, 1e-250, 1e-200))
# A hypothesis that lacks more than this share of the words, and more than one, is no case for a wider search: there is
# other speech in the recording.
MOST_MISSING = 0.1

_Phones = list[list[tuple[str, int]]]


class PocketSphinxAligner:
    """Aligns whole transcripts; words that nobody can pronounce are given up, their neighbours are kept."""

    name = "pocketsphinx"
    version = 4

    def __init__(self, config: AlignmentConfig) -> None:
        """Load the English model that is inside the wheel; raises `AlignmentError` without PocketSphinx."""
        self._padding = np.zeros(int(config.padding_s * SAMPLE_RATE_HZ), np.int16)
        self._padding_s = config.padding_s
        self._decoders = [AlignmentDecoder(*SEARCHES[0])]

    def align(self, utterances: pa.Table) -> PartOutput:
        """Return the words of every utterance; see `Aligner`."""
        rows = WordRows(self.name)
        for utterance in utterances.select(["utterance_id", "text", "audio", "source"]).to_pylist():
            words = normalise(utterance["text"], "en")
            lost = {word for word in words if pronounce(word, self._lookup) is None}
            aligned = self._align(decode_flac(utterance["audio"]), words, lost)
            if isinstance(aligned, str):
                rows.reject(utterance["source"], aligned)
                continue
            if lost:
                rows.reject(utterance["source"], f"words that cannot be pronounced: {', '.join(sorted(lost))}")
            positions = [index for index, word in enumerate(words) if word not in lost]
            rows.add(utterance["utterance_id"], [aligned[index] for index in positions], positions)
        return rows.output()

    def _align(self, pcm: Pcm16, words: list[str], lost: set[str]) -> list[AlignedWord] | str:
        """Words with times, or the reason why there are none."""
        if not words:
            return "the transcript has no words"
        if lost >= set(words):
            return f"words that cannot be pronounced: {', '.join(sorted(lost))}"
        padded = np.concatenate([self._padding, pcm, self._padding])
        found = self._search(padded, words, lost)
        if isinstance(found, str):
            return found
        spans, phones = found
        duration_s = len(pcm) / SAMPLE_RATE_HZ
        before = len(self._padding) * FRAME_RATE_HZ // SAMPLE_RATE_HZ
        inside = [(max(span.start - before, 0), max(span.end - before, 0)) for span in spans]
        starts = move_starts(frame_levels(pcm), inside)
        return [
            AlignedWord(
                span.word,
                self._seconds(before + start, duration_s),
                self._seconds(span.end, duration_s),
                span.score,
                duration_deviation(word_phones),
            )
            for span, start, word_phones in zip(spans, starts, phones, strict=True)
        ]

    def _search(self, padded: Pcm16, words: list[str], lost: set[str]) -> tuple[list[FoundWord], _Phones] | str:
        reason = ""
        for level in range(len(SEARCHES)):
            decoder = self._decoder(level)
            self._teach(decoder, words, lost)
            try:
                found = decoder.words(padded, words)
            except RuntimeError as error:
                reason = f"PocketSphinx cannot align it: {' '.join(str(error).split())}"
                continue
            if [word.word for word in found] == words:
                phones = decoder.phone_frames(padded)
                return found, phones if phones and len(phones) == len(words) else [[]] * len(words)
            text = " ".join(word.word for word in found) or "nothing"
            reason = f"the audio does not match the transcript: aligned {text!r}"
            if len(words) - len(found) > max(1, MOST_MISSING * len(words)):
                break
        return reason

    def _decoder(self, level: int) -> AlignmentDecoder:
        """The decoder of a search, loaded when the first recording needs it."""
        while len(self._decoders) <= level:
            self._decoders.append(AlignmentDecoder(*SEARCHES[len(self._decoders)]))
        return self._decoders[level]

    def _teach(self, decoder: AlignmentDecoder, words: list[str], lost: set[str]) -> None:
        for word in dict.fromkeys(words):
            if decoder.pronunciation(word) is None:
                phones = None if word in lost else pronounce(word, self._lookup)
                decoder.add(word, phones or SPOKEN_NOISE)

    def _lookup(self, word: str) -> str | None:
        return self._decoders[0].pronunciation(word) or pronunciation(word)

    def _seconds(self, frame: int, duration_s: float) -> float:
        return round(min(max(frame / FRAME_RATE_HZ - self._padding_s, 0.0), duration_s), 6)
