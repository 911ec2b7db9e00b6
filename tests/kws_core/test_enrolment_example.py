"""Words are found and centred; recordings that cannot be used are refused with the reason."""

import numpy as np
import pytest
from encoder_bundles import say

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.espeak import Synthesizer
from kws_core.enrolment_example import Example, locate_word
from kws_core.errors import AudioError


def noise(seconds, level=0.1, seed=0):
    samples = np.random.default_rng(seed).normal(0, level, round(seconds * SAMPLE_RATE_HZ))
    return np.clip(samples, -1, 1).astype(np.float32)


def quiet(seconds):
    """A room without speech."""
    return noise(seconds, 1e-4, seed=1)


@pytest.mark.parametrize("word", ["marvin", "computer", "yes"])
@pytest.mark.parametrize(("before_s", "after_s"), [(0.0, 0.3), (0.4, 0.1), (3.1, 4.2)])
def test_the_word_is_at_the_centre_wherever_it_was(word, before_s, after_s):
    spoken = Synthesizer().synthesize(word, "en-us+m1")
    (truth,) = spoken.words
    pcm = np.concatenate([quiet(before_s), (spoken.pcm16 / 32768).astype(np.float32), quiet(after_s)])
    found = locate_word(Example("a.wav", pcm))
    assert found.window.shape == (SAMPLE_RATE_HZ,)
    assert found.window.dtype == np.float32
    assert found.duration_s == pytest.approx(truth.end_s - truth.start_s, abs=0.15)
    middle_s = before_s + (truth.start_s + truth.end_s) / 2
    # where the window was cut from the recording, by search
    padded = np.pad(pcm, SAMPLE_RATE_HZ)
    half = SAMPLE_RATE_HZ // 2
    candidates = np.flatnonzero(padded[half:-half] == found.window[half])
    (first,) = [at for at in candidates if np.array_equal(padded[at : at + SAMPLE_RATE_HZ], found.window)]
    assert (first + half) / SAMPLE_RATE_HZ - 1 == pytest.approx(middle_s, abs=0.08)


@pytest.mark.parametrize(
    ("pcm", "told"),
    [
        (np.zeros(0, np.float32), r"samples \[n\] that are numbers are needed"),
        (np.zeros((2, 8000), np.float32), r"are needed, not \[2, 8000\]"),
        (np.full(8000, np.nan, np.float32), "that are numbers"),
        (np.zeros(16000, np.float32), "silence"),
        (np.pad(noise(0.5, 5e-4), 8000), "silence, the loudest part has a level of -66 dB"),
        (noise(1.0), "no word stands out"),
        (np.full(100, 0.5, np.float32), "no word stands out"),
        (np.concatenate([quiet(1), noise(0.02), quiet(1)]), r"0\.0\d s of speech; at least 0.1 s"),
        (np.concatenate([quiet(1), noise(1.7), quiet(1)]), r"1\.7\d s of speech; at most 1.5 s.*say the keyword alone"),
        (np.concatenate([quiet(1), noise(0.5, 0.5), quiet(1)]), r"4\.\d% of the word is clipped; at most 1%"),
        (noise(1.5, 0.02, 2) + np.pad(noise(0.5, 0.03), 8000), r"noisy, the word is \d dB louder .*at least 6 dB"),
        (np.pad(noise(0.5), 80000), r"10\.5 s long; at most 10 s"),
    ],
    ids="empty shape nan zeros faint flat tiny click long clipped noisy minutes".split(),
)
def test_what_cannot_be_used_is_refused_with_the_reason(pcm, told):
    with pytest.raises(AudioError, match=f"^a.wav: .*{told}") as raised:
        locate_word(Example("a.wav", pcm))
    assert "\n" not in str(raised.value)


def test_a_sentence_is_no_keyword():
    sentence = say("good weather music teacher people", rate=120)
    with pytest.raises(AudioError, match="say the keyword alone"):
        locate_word(Example("a.wav", sentence))


def test_one_full_scale_peak_is_not_clipping():
    pcm = say("marvin")
    pcm *= 1 / np.abs(pcm).max()
    assert locate_word(Example("a.wav", pcm)).duration_s > 0.3
