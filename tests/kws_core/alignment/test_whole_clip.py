import math

import numpy as np
import pyarrow as pa
import pytest

from kws_core.alignment import build_aligner
from kws_core.audio import encode_flac, float_to_pcm16
from kws_core.config import AlignmentConfig
from kws_core.schemas import UTTERANCES, WORDS, check_schema
from kws_core.speech_span import speech_span


def tone_in_noise(start_s: float, end_s: float, noise_rms: float = 1e-3, duration_s: float = 1.5) -> np.ndarray:
    time = np.arange(int(duration_s * 16000)) / 16000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * ((time >= start_s) & (time < end_s))
    return float_to_pcm16(tone + np.random.default_rng(0).normal(0, noise_rms, len(time)))


@pytest.mark.parametrize("borders", [(0.5, 1.0), (0.2, 0.45), (0.0, 0.6), (0.9, 1.5), (0.313, 1.187)])
@pytest.mark.parametrize("noise_rms", [0.0, 1e-4, 1e-3, 1e-2])
def test_a_tone_in_noise_is_found(borders: tuple[float, float], noise_rms: float) -> None:
    assert speech_span(tone_in_noise(*borders, noise_rms)) == pytest.approx(borders, abs=0.03)


def test_a_single_click_is_no_speech() -> None:
    pcm = tone_in_noise(0.6, 1.0)
    pcm[1600:1610] = 3000
    assert speech_span(pcm) == pytest.approx((0.6, 1.0), abs=0.03)


@pytest.mark.parametrize("samples", [159, 160, 320, 16000, 16001])
def test_silence_and_short_clips_are_whole(samples: int) -> None:
    assert aligned(np.zeros(samples, np.int16)) == (0.0, samples / 16000)


def test_a_clip_of_one_level_is_whole() -> None:
    assert aligned(tone_in_noise(0.0, 1.5)) == (0.0, 1.5)


def aligned(pcm: np.ndarray) -> tuple[float, float]:
    row = dict.fromkeys(("utterance_id", "corpus", "speaker_id", "language", "source", "licence"), "x")
    row |= {"text": "word", "audio": encode_flac(pcm), "duration_s": len(pcm) / 16000}
    (word,) = (
        build_aligner("whole_clip", AlignmentConfig())
        .align(pa.Table.from_pylist([row], schema=UTTERANCES))
        .table.to_pylist()
    )
    return word["start_s"], word["end_s"]


def test_the_transcript_is_one_label() -> None:
    row = {"corpus": "c", "speaker_id": "s", "language": "en", "licence": "CC0", "duration_s": 1.5}
    audio = encode_flac(tone_in_noise(0.5, 1.0))
    rows = [
        {**row, "utterance_id": f"u{i}", "text": text, "source": f"s{i}", "audio": audio}
        for i, text in enumerate(["Hey, Computer", "!?", "stop"])
    ]
    output = build_aligner("whole_clip", AlignmentConfig()).align(pa.Table.from_pylist(rows, schema=UTTERANCES))
    check_schema(output.table, WORDS, "words")
    found = output.table.to_pylist()
    assert [(word["utterance_id"], word["index"], word["word"]) for word in found] == [
        ("u0", 0, "hey computer"),
        ("u2", 0, "stop"),
    ]
    assert all((word["start_s"], word["end_s"]) == pytest.approx((0.5, 1.0), abs=0.03) for word in found)
    assert all(math.isnan(word["score"]) and word["aligner"] == "whole_clip" for word in found)
    assert output.quarantine.to_pylist() == [
        {"stage": "words", "source": "s1", "reason": "the transcript '!?' has no letters"}
    ]
