"""Where speech lies: against a recomputation frame by frame, and on what has no speech."""

import math

import numpy as np
import pytest

from kws_core.corpora.espeak import Synthesizer
from kws_core.speech_span import ENERGY_SHARE, SMALLEST_RANGE_DB, speech_span


def naive_span(pcm):
    levels = []
    for frame in range(len(pcm) // 160):
        samples = [int(value) / 32768 for value in pcm[frame * 160 : frame * 160 + 160]]
        levels.append(10 * math.log10(sum(value * value for value in samples) / 160 + 1e-10))
    last = len(levels) - 1
    smooth = [(levels[max(k - 1, 0)] + levels[k] + levels[min(k + 1, last)]) / 3 for k in range(len(levels))]
    floor, peak = float(np.percentile(smooth, 10)), max(smooth)
    assert peak - floor >= SMALLEST_RANGE_DB
    loud = [k for k, level in enumerate(smooth) if level >= floor + ENERGY_SHARE * (peak - floor)]
    return loud[0] / 100, (loud[-1] + 1) / 100


@pytest.mark.parametrize("room", [0, 3, 60])
@pytest.mark.parametrize("word", ["marvin", "six"])
def test_against_frames_one_by_one(word, room):
    spoken = np.pad(Synthesizer().synthesize(word, "en-us+m1").pcm16, (3000, 5000)).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, room, len(spoken)) if room else 0
    pcm = np.rint(np.clip(spoken + noise, -32768, 32767)).astype(np.int16)
    assert speech_span(pcm) == pytest.approx(naive_span(pcm), abs=1e-9)


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 16000])
def test_a_level_that_hardly_varies_is_no_speech(samples):
    assert speech_span(np.zeros(samples, np.int16)) is None
    assert speech_span(np.random.default_rng(0).integers(-3000, 3000, samples).astype(np.int16)) is None
