import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from kws_core.corpora.espeak import Synthesis, Synthesizer
from kws_core.errors import CorpusError

pytest.importorskip("espeakng_loader")


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer()


def energy_bounds_s(synthesis: Synthesis, floor_db: float = -40.0) -> tuple[float, float]:
    """First and last 5 ms within 40 dB of the loudest."""
    frames = synthesis.pcm16[: len(synthesis.pcm16) // 80 * 80].reshape(-1, 80).astype(float)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
    loud = np.flatnonzero(level > level.max() + floor_db)
    return loud[0] * 0.005, (loud[-1] + 1) * 0.005


@pytest.mark.parametrize("text", ["marvin", "kitchen", "stop", "computer", "please say window again"])
@pytest.mark.parametrize("voice", ["en-us+m1", "en-gb-scotland+klatt2", "en+anika"])
def test_first_onset_and_last_end_agree_with_the_energy(synthesizer: Synthesizer, text: str, voice: str) -> None:
    synthesis = synthesizer.synthesize(text, voice)
    onset_s, end_s = energy_bounds_s(synthesis)
    assert synthesis.words[0].start_s == pytest.approx(onset_s, abs=0.012)
    assert synthesis.words[-1].end_s == pytest.approx(end_s, abs=0.03)


@pytest.mark.parametrize("first", ["say", "now", "you"])
def test_inner_onset_agrees_with_the_energy_at_a_stop(synthesizer: Synthesizer, first: str) -> None:
    # The closure of the stop is quiet: the signal itself shows where the word before it ends.
    synthesis = synthesizer.synthesize(f"{first} kitchen", "en-us+m1")
    kitchen = synthesis.words[1]
    frames = synthesis.pcm16[: len(synthesis.pcm16) // 80 * 80].reshape(-1, 80).astype(float)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
    near = slice(int(kitchen.start_s / 0.005) - 4, int(kitchen.start_s / 0.005) + 12)
    quiet = np.flatnonzero(level[near] < level.max() - 35)
    assert (quiet[0] - 4) * 0.005 == pytest.approx(0, abs=0.02)
    assert len(quiet) >= 6


def test_words_are_in_order_and_inside_the_signal(synthesizer: Synthesizer) -> None:
    text = "nobody knew where he left his keys"
    synthesis = synthesizer.synthesize(text, "en-us+f2")
    assert [word.word for word in synthesis.words] == text.split()
    edges = [edge for word in synthesis.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert all(word.end_s - word.start_s > 0.03 for word in synthesis.words)
    assert edges[-1] <= len(synthesis.pcm16) / 16_000
    assert synthesis.pcm16.dtype == np.int16
    assert np.abs(synthesis.pcm16.astype(int)).max() > 3000


def test_synthesis_does_not_depend_on_what_was_said_before(synthesizer: Synthesizer) -> None:
    first = synthesizer.synthesize("turn it off", "en-029+klatt2", 160, 40)
    synthesizer.synthesize("something else", "en+robosoft3", 200, 80)
    again = Synthesizer().synthesize("turn it off", "en-029+klatt2", 160, 40)
    np.testing.assert_array_equal(first.pcm16, again.pcm16)
    assert first.words == again.words


def test_every_variant_sounds_the_same_twice(synthesizer: Synthesizer) -> None:
    for variant in synthesizer.variants:
        first, second = (synthesizer.synthesize("stop it", f"en-us+{variant}").pcm16 for _ in range(2))
        np.testing.assert_array_equal(first, second, err_msg=variant)


def test_threads_do_not_disturb_each_other(synthesizer: Synthesizer) -> None:
    texts = ["marvin", "music", "window", "please say it again"]
    alone = [synthesizer.synthesize(text, "en-us+m1").pcm16 for text in texts]
    together: dict[int, np.ndarray] = {}

    def speak(index: int) -> None:
        together[index] = Synthesizer().synthesize(texts[index], "en-us+m1").pcm16

    threads = [threading.Thread(target=speak, args=(index,)) for index in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, pcm in enumerate(alone):
        np.testing.assert_array_equal(together[index], pcm)


def test_rate_pitch_and_variant_are_heard(synthesizer: Synthesizer) -> None:
    def fundamental_hz(pcm: np.ndarray) -> float:
        middle = pcm[len(pcm) // 2 - 2048 : len(pcm) // 2 + 2048] * np.hanning(4096)
        cepstrum = np.fft.irfft(np.log(np.abs(np.fft.rfft(middle)) + 1))
        return 16_000 / (40 + int(np.argmax(cepstrum[40:280])))

    slow, fast = (synthesizer.synthesize("banana", "en-us+m1", rate) for rate in (120, 240))
    assert len(slow.pcm16) > 1.5 * len(fast.pcm16)
    low, high = (synthesizer.synthesize("ah", "en-us+m1", 120, pitch).pcm16 for pitch in (10, 90))
    assert fundamental_hz(high) > 1.3 * fundamental_hz(low)
    man, woman = (synthesizer.synthesize("ah", voice, 120).pcm16 for voice in ("en-us+m1", "en-us+f2"))
    assert fundamental_hz(woman) > 1.3 * fundamental_hz(man)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hello", "xx-unknown"), "no voice 'xx-unknown'"),
        (("hello", "en-us+nobody"), "no voice variant 'nobody'; it has Alex"),
        (("hello", "en-us", 500), "rate_words_per_minute is 500; eSpeak NG accepts 80 to 450"),
        (("hello", "en-us", 175, 100), "pitch is 100; eSpeak NG accepts 0 to 99"),
        (
            ("turn on the lights", "en-us"),
            "joins or splits words of 'turn on the lights': it reports turn | on | lights",
        ),
        (("room 27", "en-us"), "joins or splits"),
        (("two  spaces", "en-us"), "not words separated by single spaces"),
        (("", "en-us"), "not words separated by single spaces"),
    ],
)
def test_what_cannot_be_said_is_refused(synthesizer: Synthesizer, arguments: tuple, message: str) -> None:
    with pytest.raises(CorpusError, match=message.replace("|", r"\|")):
        synthesizer.synthesize(*arguments)
    assert len(synthesizer.synthesize("hello", "en-us").pcm16) > 0


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(CorpusError, match=r"pip install 'kws-foundry\[demo\]'"):
        Synthesizer()


def test_data_under_a_long_path_are_refused(
    synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    (folder / "espeak-ng-data").symlink_to(synthesizer._data)
    monkeypatch.setattr(synthesizer, "_data", folder / "espeak-ng-data")
    with pytest.raises(CorpusError, match="path is longer than the 159 characters"):
        synthesizer.synthesize("hello", "en-us")
    assert len(Synthesizer().synthesize("hello", "en-us").pcm16) > 0


def test_another_process_makes_the_same_samples_and_prints_nothing(synthesizer: Synthesizer) -> None:
    program = (
        "import hashlib, sys; from kws_core.corpora.espeak import Synthesizer\n"
        "pcm = Synthesizer().synthesize('marvin', 'en-us+f2').pcm16\n"
        "sys.exit(hashlib.sha256(pcm.tobytes()).digest()[0] % 100)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    pcm = synthesizer.synthesize("marvin", "en-us+f2").pcm16
    assert result.returncode == hashlib.sha256(pcm.tobytes()).digest()[0] % 100
    assert (result.stdout, result.stderr) == (b"", b"")
