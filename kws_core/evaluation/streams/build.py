"""Streams as they are planned: pieces joined by cross-fades, keywords laid over them at a level."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.audio import decode_flac, float_to_pcm16, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import EvaluationError
from kws_core.evaluation.streams.facts import Event, StreamFacts
from kws_core.evaluation.streams.plan import KeywordPiece, SpeechPiece, StreamPlan
from kws_core.evaluation.streams.stream import EvaluationStream
from kws_core.manifest import Manifest
from kws_core.schemas import STREAMS
from kws_core.store import Store

STAGE = "streams"
VERSION = 1
FADE_S = 0.02
AROUND_WORD_S = 0.04
"""Sound that is kept before and after a keyword, within which it fades in and out."""
NOISE_PIECE_S = 10.0
NOISE_RMS = (1e-3, 3e-2)
"""Levels of noise without keywords, full scale 1: -60 to -30 dB, drawn by order of magnitude."""
PEAK = 0.99

Pcm = NDArray[np.float32]
Word = tuple[Pcm, float, float]
"""The sound of a keyword and, in seconds from its start, where the word starts and ends."""


def build_streams(
    store: Store, utterances: Manifest, segments: Manifest, plans: Sequence[StreamPlan], spacing_s: float
) -> pa.Table:
    """Make streams that share their recordings, which are read once; a row each, with the schema `STREAMS`."""
    speech = _read_speech(store, utterances, {piece for plan in plans for piece in plan.speech})
    words = _read_words(store, segments, {piece for plan in plans for piece in plan.keywords})
    streams = [build_stream(plan, speech.__getitem__, words.__getitem__, spacing_s) for plan in plans]
    return pa.concat_tables([STREAMS.empty_table(), *(stream.table() for stream in streams)])


def build_stream(
    plan: StreamPlan,
    speech: Callable[[SpeechPiece], Pcm],
    word: Callable[[KeywordPiece], Word],
    spacing_s: float,
) -> EvaluationStream:
    """Make one stream, given what reads its pieces; the same plan gives the same samples.

    Speech and noise without keywords keep their own levels. Under keywords, every piece of the background has the same
    active level, and each keyword that of all keywords' median; the two are `snr_db` apart.
    """
    generator = np.random.default_rng(plan.seed)
    pieces = [speech(piece) for piece in plan.speech] or _noise(plan, generator)
    events: tuple[Event, ...] = ()
    if not plan.keywords:
        pcm = join(pieces)
    else:
        words = [word(piece) for piece in plan.keywords]
        level = float(np.median([_level(sound) for sound, _, _ in words]))
        below = level * 10 ** (-plan.snr_db / 20)
        pcm, events = _with_keywords(plan, join([_at_level(piece, below) for piece in pieces]), words, level, spacing_s)
    pcm *= min(1.0, PEAK / max(float(np.abs(pcm).max(initial=0.0)), 1e-9))
    pcm16 = float_to_pcm16(pcm)
    speakers = {piece.speaker_id for piece in plan.speech} | {piece.speaker_id for piece in plan.keywords}
    facts = StreamFacts(plan.name, plan.kind, len(pcm16) / SAMPLE_RATE_HZ, events, tuple(sorted(speakers)))
    return EvaluationStream(facts, pcm16)


def join(pieces: Sequence[Pcm]) -> Pcm:
    """Pieces one after the other, each fading into the next over 20 ms, in which both are heard."""
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    total = sum(max(len(piece) - fade, 0) for piece in pieces) + fade
    joined, at = np.zeros(total, np.float32), 0
    for piece in pieces:
        if len(piece) > 2 * fade:
            joined[at : at + len(piece)] += faded(piece, fade)
        at += max(len(piece) - fade, 0)
    return joined


def faded(piece: Pcm, samples: int) -> Pcm:
    """A copy that rises from and falls to silence over so many samples, linearly: falling and rising add up to 1."""
    ramp = ((np.arange(samples) + 0.5) / samples).astype(np.float32)
    copy: Pcm = piece.astype(np.float32)
    copy[:samples] *= ramp
    copy[-samples:] *= ramp[::-1]
    return copy


def cut_word(row: dict[str, object]) -> Word:
    """The keyword of a row of the segments dataset with 40 ms around it, as far as the cut has them."""
    pcm = pcm16_to_float(np.frombuffer(row["audio"], np.dtype("<i2")))  # type: ignore[call-overload]
    start_s, end_s = (float(row[f"word_{edge}_s"]) - float(row["start_s"]) for edge in ("start", "end"))  # type: ignore[arg-type]
    first = max(round((start_s - AROUND_WORD_S) * SAMPLE_RATE_HZ), 0)
    last = min(round((end_s + AROUND_WORD_S) * SAMPLE_RATE_HZ), len(pcm))
    return pcm[first:last], start_s - first / SAMPLE_RATE_HZ, end_s - first / SAMPLE_RATE_HZ


def _with_keywords(
    plan: StreamPlan, background: Pcm, words: Sequence[Word], level: float, spacing_s: float
) -> tuple[Pcm, tuple[Event, ...]]:
    """The background with the words laid over it, one spacing apart and up to as much more, and where they are."""
    generator = np.random.default_rng([plan.seed, 1])  # the same places at all levels
    events, at = list[Event](), round(spacing_s * SAMPLE_RATE_HZ)
    fade = round(FADE_S * SAMPLE_RATE_HZ)
    for piece, (sound, start_s, end_s) in zip(plan.keywords, words, strict=True):
        if at + len(sound) > len(background):
            raise EvaluationError(f"stream {plan.name!r}: its background is too short for its keywords")
        background[at : at + len(sound)] += faded(_at_level(sound, level), min(fade, len(sound) // 2))
        time_s = at / SAMPLE_RATE_HZ
        events.append(
            Event(piece.keyword, time_s + start_s, time_s + end_s, plan.snr_db, piece.speaker_id, piece.segment_id)
        )
        at += len(sound) + round(spacing_s * generator.uniform(1, 2) * SAMPLE_RATE_HZ)
    return background[: min(at, len(background))], tuple(events)


def _noise(plan: StreamPlan, generator: np.random.Generator) -> list[Pcm]:
    """White, pink and brown noise in turns, each piece at a level of its own."""
    import torch  # here: whoever only reads streams starts two seconds sooner without it

    from kws_core.augment.coloured_noise import COLOURS, coloured_noise

    pieces = list[Pcm]()
    torch_generator = torch.Generator().manual_seed(plan.seed)
    colours = list(COLOURS.values())
    for number in range(int(np.ceil(plan.duration_s / (NOISE_PIECE_S - FADE_S)))):
        samples = round(NOISE_PIECE_S * SAMPLE_RATE_HZ)
        noise = coloured_noise(1, samples, colours[number % len(colours)], torch_generator)[0].numpy()
        rms = float(np.exp(generator.uniform(*np.log(NOISE_RMS))))
        pieces.append(noise * np.float32(rms))
    return pieces


def _level(pcm: Pcm) -> float:
    import torch

    from kws_core.augment.active_level import active_level

    return float(active_level(torch.from_numpy(np.ascontiguousarray(pcm))[None])[0])


def _at_level(pcm: Pcm, level: float) -> Pcm:
    """The sound scaled so that its active level is this; digital silence stays as it is."""
    own = _level(pcm)
    return pcm * np.float32(level / own) if own else pcm


def _read_speech(store: Store, utterances: Manifest, pieces: set[SpeechPiece]) -> dict[SpeechPiece, Pcm]:
    found: dict[SpeechPiece, Pcm] = {}
    for number in sorted({piece.part for piece in pieces}):
        audio = store.read_part(utterances.stage, utterances.parts[number], ["audio"])["audio"]
        for piece in sorted((piece for piece in pieces if piece.part == number), key=lambda piece: piece.row):
            first, last = (round(time_s * SAMPLE_RATE_HZ) for time_s in (piece.start_s, piece.end_s))
            found[piece] = pcm16_to_float(decode_flac(audio[piece.row].as_py())[first:last])
    return found


def _read_words(store: Store, segments: Manifest, pieces: set[KeywordPiece]) -> dict[KeywordPiece, Word]:
    found: dict[KeywordPiece, Word] = {}
    columns = ["segment_id", "start_s", "word_start_s", "word_end_s", "audio"]
    for number in sorted({piece.part for piece in pieces}):
        own = [piece for piece in pieces if piece.part == number]
        table = store.read_part(segments.stage, segments.parts[number], columns)
        for piece, row in zip(own, table.take(pa.array([piece.row for piece in own])).to_pylist(), strict=True):
            found[piece] = cut_word(row)
    return found
