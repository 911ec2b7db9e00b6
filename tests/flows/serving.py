"""A real `kws serve` on loopback, and bundles of synthesised words for it; nothing here imports torch."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from experiments import KWS, Run, kill_run, start

from kws_core.bundle import Bundle, load_bundle
from kws_core.corpora.espeak import Synthesizer
from kws_core.enrolment import enrol
from kws_core.enrolment_example import Example
from kws_core.universal import universal_bundle_path

VOICES = (("en-us+m1", 150), ("en-us+f2", 165), ("en+m3", 180))


def say(text: str, voice: str = "en-us+m1", rate: int = 160) -> np.ndarray:
    """A synthesised recording `[samples]`, float32, full scale 1, with a quarter of a second of silence around it."""
    return np.pad((Synthesizer().synthesize(text, voice, rate, 50).pcm16 / 32768).astype(np.float32), 4000)


def words_bundle(folder: Path, *words: str) -> Bundle:
    """The general encoder's bundle with words enrolled from three voices each."""
    examples = {word: [Example(f"{word} {voice}", say(word, voice, rate)) for voice, rate in VOICES] for word in words}
    return enrol(load_bundle(universal_bundle_path()), examples, 0.005).write(folder)


def write_recording(path: Path, *words: str) -> np.ndarray:
    """Words in a row, 0.75 s apart, by a voice and speed that nothing was enrolled from; returns the samples."""
    gap = np.zeros(12000, np.float32)
    pcm = np.concatenate([gap, *(part for word in words for part in (say(word), gap))])
    soundfile.write(path, pcm, 16000, subtype="PCM_16")
    return pcm


@dataclass(frozen=True)
class Server:
    """A service at work."""

    address: str
    run: Run

    def client(self, token: str = "") -> httpx.Client:
        """A client that sends the token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, trust_env=False)


@contextmanager
def serving(folder: Path, *options: Any, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`kws serve` with these options on a free port, until the block ends."""
    run = start([str(KWS), "serve", *map(str, options), "--port", "0"], folder, env)
    try:
        yield Server(_address(run), run)
    finally:
        kill_run(run)


def _address(run: Run, timeout_s: float = 300) -> str:
    deadline = time.monotonic() + timeout_s
    while not (found := re.search(r"http://\S+", run.stdout.read_text())):
        assert run.process.poll() is None, run.stderr.read_text()
        assert time.monotonic() < deadline, "the service did not start"
        time.sleep(0.05)
    return found[0]
