"""PocketSphinx as a forced aligner: words and their phones of one padded recording."""

import math
import sys
from dataclasses import dataclass
from typing import Any

from kws_core.audio import Pcm16
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import AlignmentError

FRAME_RATE_HZ = 100
SMALLEST_LIKELIHOOD = sys.float_info.min
# Phone of a word that cannot be pronounced: the model's own for speech that is no word.
SPOKEN_NOISE = "+SPN+"
# What a silence gains in the search, as a factor. Unlike PocketSphinx's own 0.003 it favours silences: with a
# penalty, pauses are drawn into the words beside them, and their ends come out too late.
SILENCE_FACTOR = 3.25
# Frames of silence on each side that a word answers for. A wrong word shrinks to the few frames that suit it and leaves
# the rest of what was said to silences, which then are unlikely.
CHECKED_SILENCE = 10


@dataclass(frozen=True, slots=True)
class FoundWord:
    """A word of the hypothesis; frames of 10 ms from the start of the padded recording."""

    word: str
    start: int
    end: int
    """First frame after it."""
    score: float
    """Mean log likelihood a frame: the word's own or, where lower, that of the silence within `CHECKED_SILENCE`."""


@dataclass(frozen=True, slots=True)
class _Segment:
    word: str
    start: int
    end: int
    log_likelihood: float

    @property
    def is_filler(self) -> bool:
        """Silence or noise."""
        return self.word.startswith(("<", "["))


class AlignmentDecoder:
    """One decoder a process: loading takes a third of a second, and threads gain nothing."""

    def __init__(self, word_bonus: float, beam: float, word_beam: float) -> None:
        """Load the English model that is inside the wheel.

        Args:
            word_bonus: factor on the likelihood of every word. The words of a transcript are given, so it prefers
                nothing but hypotheses that hold them all; the search does not do so by itself.
            beam: share of the best likelihood of a frame below which a state is given up.
            word_beam: the same for a word's last state.

        Raises:
            AlignmentError: PocketSphinx is not installed.
        """
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise AlignmentError(
                "the aligner pocketsphinx is not installed: pip install 'kws-foundry[core]'"
            ) from error
        # the bonus is given to silences too, from which it has to be taken again
        self._decoder: Any = Decoder(
            lm=None,
            samprate=SAMPLE_RATE_HZ,
            loglevel="FATAL",
            wip=word_bonus,
            silprob=SILENCE_FACTOR / word_bonus,
            beam=beam,
            pbeam=beam,
            wbeam=word_beam,
        )

    def pronunciation(self, word: str) -> str | None:
        """Phones of a word that is in the dictionary."""
        phones: str | None = self._decoder.lookup_word(word)
        return phones

    def add(self, word: str, phones: str) -> None:
        """Add a word to the dictionary."""
        self._decoder.add_word(word, phones, True)

    def words(self, pcm: Pcm16, words: list[str]) -> list[FoundWord]:
        """Words found in a recording: all that are given or fewer.

        Raises:
            RuntimeError: PocketSphinx's own, when it has no hypothesis at all.
        """
        self._decoder.set_align_text(" ".join(words))
        self._decode(pcm)
        segments = [
            # a likelihood, not its logarithm; that of a very long word is too small for a float
            _Segment(
                segment.word.split("(")[0],
                segment.start_frame,
                segment.end_frame + 1,
                math.log(max(segment.ascore, SMALLEST_LIKELIHOOD)),
            )
            for segment in self._decoder.seg() or ()
        ]
        return [
            FoundWord(segment.word, segment.start, segment.end, _score(segments, index))
            for index, segment in enumerate(segments)
            if not segment.is_filler
        ]

    def phone_frames(self, pcm: Pcm16) -> list[list[tuple[str, int]]] | None:
        """Phones of each word that `words` has just found, with their frames, by a second pass; None where it fails."""
        try:
            self._decoder.set_alignment()
            self._decode(pcm)
        except RuntimeError:
            return None
        alignment = self._decoder.get_alignment() or ()
        return [[(phone.name, phone.duration) for phone in word] for word in alignment if word.name[0] not in "<["]

    def _decode(self, pcm: Pcm16) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()


def _score(segments: list[_Segment], index: int) -> float:
    word = segments[index]
    own = word.log_likelihood / (word.end - word.start)
    frames, total = 0, 0.0
    for side in (reversed(segments[:index]), iter(segments[index + 1 :])):
        left = CHECKED_SILENCE
        for segment in side:
            if not segment.is_filler or not left:
                break
            length = segment.end - segment.start
            used = min(length, left)
            left -= used
            frames += used
            total += segment.log_likelihood * used / length
    return min(own, total / frames) if frames else own
