"""Which recordings an evaluation stream is made of: drawn by seed, before any sound is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kws_core.config import EvaluationStreamsConfig
from kws_core.evaluation.streams.facts import StreamKind

LONGEST_STREAM_S = 300.0
"""Speech is divided into streams of about this length, so that they can be made and embedded side by side."""
KEYWORD_S = 1.0
"""What a keyword takes at most, beside the spacing."""


@dataclass(frozen=True)
class SpeechPiece:
    """A stretch of an utterance without keywords: part and row of the utterance, and seconds in it."""

    part: int
    row: int
    start_s: float
    end_s: float
    speaker_id: str
    words: int

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class KeywordPiece:
    """A segment that holds a keyword: its part and row in the dataset of segments."""

    part: int
    row: int
    keyword: str
    speaker_id: str
    segment_id: str


@dataclass(frozen=True)
class StreamPlan:
    """One stream: what is heard in the background, and the keywords in it."""

    name: str
    kind: StreamKind
    seed: int
    duration_s: float
    """Of noise; speech is as long as its pieces, and a stream of keywords as long as these need."""
    speech: tuple[SpeechPiece, ...] = ()
    keywords: tuple[KeywordPiece, ...] = ()
    snr_db: float = 0.0


Piece = TypeVar("Piece", SpeechPiece, KeywordPiece)


def plan_streams(
    speech: Sequence[SpeechPiece],
    keywords: Sequence[KeywordPiece],
    config: EvaluationStreamsConfig,
    split: str,
    seed: int,
) -> tuple[tuple[StreamPlan, ...], ...]:
    """Streams of one split, in groups that share their recordings; none where there is nothing to hear.

    Speech and keywords are taken speaker by speaker in turns, in an order drawn by the seed; sentences come before
    single words. Every other segment of a keyword is heard in speech, the rest in noise.
    """
    generator = np.random.default_rng([seed, *split.encode()])
    spoken = _take_turns(sorted(_shuffled(speech, generator), key=lambda piece: piece.words < 2))
    spoken = _at_most(spoken, 60 * config.speech_minutes)
    by_keyword = {piece.keyword: list[KeywordPiece]() for piece in sorted(keywords, key=lambda piece: piece.keyword)}
    for piece in _shuffled(keywords, generator):
        by_keyword[piece.keyword].append(piece)
    chosen = [_take_turns(own)[: config.segments_per_keyword] for own in by_keyword.values()]
    groups: list[tuple[StreamPlan, ...]] = [
        (StreamPlan(f"{split} speech {number}", "speech", 0, 0.0, speech=pieces),)
        for number, pieces in enumerate(_divided(spoken), start=1)
    ]
    if config.noise_minutes:
        groups.append((StreamPlan(f"{split} noise", "noise", _draw(generator), 60 * config.noise_minutes),))
    in_speech = [piece for own in chosen for piece in (own[::2] if config.noise_minutes else own)] if spoken else []
    in_noise = [piece for own in chosen for piece in own if piece not in set(in_speech)]
    kinds: tuple[tuple[StreamKind, list[KeywordPiece]], ...] = (
        ("keywords in speech", in_speech),
        ("keywords in noise", in_noise),
    )
    for kind, pieces in kinds:
        if not pieces:
            continue
        placed, drawn = tuple(_shuffled(pieces, generator)), _draw(generator)
        duration_s = (len(placed) + 1) * (KEYWORD_S + 2 * config.spacing_s)
        background = _repeated(spoken, duration_s, generator) if kind == "keywords in speech" else ()
        groups.append(
            tuple(
                StreamPlan(f"{split} {kind} at {level:g} dB", kind, drawn, duration_s, background, placed, level)
                for level in config.snr_db
            )
        )
    return tuple(groups)


def _shuffled(pieces: Sequence[Piece], generator: np.random.Generator) -> list[Piece]:
    return [pieces[place] for place in generator.permutation(len(pieces)).tolist()]


def _draw(generator: np.random.Generator) -> int:
    return int(generator.integers(2**31))


def _take_turns(pieces: Iterable[Piece]) -> list[Piece]:
    """The first of every speaker, then the second of every speaker, and so on."""
    counts: dict[str, int] = {}
    turns = list[tuple[int, int, Piece]]()
    for place, piece in enumerate(pieces):
        counts[piece.speaker_id] = counts.get(piece.speaker_id, -1) + 1
        turns.append((counts[piece.speaker_id], place, piece))
    return [piece for _, _, piece in sorted(turns, key=lambda turn: turn[:2])]


def _at_most(pieces: list[SpeechPiece], longest_s: float) -> list[SpeechPiece]:
    ends = np.cumsum([piece.duration_s for piece in pieces])
    return pieces[: int(np.searchsorted(ends, longest_s, side="right"))]


def _divided(pieces: list[SpeechPiece]) -> list[tuple[SpeechPiece, ...]]:
    streams, length_s = list[list[SpeechPiece]](), LONGEST_STREAM_S
    for piece in pieces:
        if length_s + piece.duration_s > LONGEST_STREAM_S:
            streams.append([])
            length_s = 0.0
        streams[-1].append(piece)
        length_s += piece.duration_s
    return [tuple(stream) for stream in streams]


def _repeated(pieces: list[SpeechPiece], needed_s: float, generator: np.random.Generator) -> tuple[SpeechPiece, ...]:
    """Pieces in a new order, over and over until they are long enough."""
    order, taken, length_s = _shuffled(pieces, generator), list[SpeechPiece](), 0.0
    while length_s < needed_s:
        taken.append(order[len(taken) % len(order)])
        length_s += taken[-1].duration_s
    return tuple(taken)
