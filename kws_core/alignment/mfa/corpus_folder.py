"""The folder that MFA reads: one folder a speaker, a recording and its transcript a file each."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

from kws_core.alignment.mfa.dictionary import Lexicon, transcript_words
from kws_core.audio import decode_flac
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import CorpusError
from kws_core.fingerprint import sha256

SHORTEST_S = 0.05
"""MFA aligns nothing shorter, and says nothing of it."""
NEEDED = ["utterance_id", "speaker_id", "text", "language", "audio", "source"]
_DIGITS = 24


@dataclass(frozen=True)
class PooledUtterance:
    """An utterance as MFA knows it."""

    utterance_id: str
    source: str
    words: tuple[str, ...]
    """The transcript, as words that MFA keeps as they are."""
    speaker: str
    """Name of its folder. MFA takes the innermost folder's name for the speaker, whatever stands above it."""
    name: str
    """Name of its files without extension: all that MFA's analysis says of an utterance, so unique in a corpus."""
    duration_s: float

    def output(self, folder: Path, extension: str) -> Path:
        """Where MFA puts its alignment."""
        return folder / self.speaker / f"{self.name}.{extension}"


class CorpusPool:
    """Writes recordings and transcripts once, and links them into the corpus folders of runs."""

    def __init__(self, folder: Path, lexicon: Lexicon) -> None:
        """Start an empty pool in a folder that is this one's own."""
        self._folder = folder
        self._lexicon = lexicon
        self._names: set[str] = set()

    def add(self, utterance: Mapping[str, Any]) -> PooledUtterance | str:
        """Take a row with the columns `NEEDED`, or say why MFA cannot align it.

        MFA aborts a whole run at audio that it cannot read, and is silent about what it leaves out: both are found
        here. Names are hashes, since ids may hold anything: no two share a folder or file, none leaves the pool.
        """
        try:
            words = transcript_words(utterance["text"], utterance["language"], self._lexicon)
        except CorpusError as error:
            return str(error)
        if not words:
            return "the transcript has no words"
        name = f"u{sha256(utterance['utterance_id'].encode())[:_DIGITS]}"
        if name in self._names:
            return f"the utterance id {utterance['utterance_id']!r} is listed twice"
        try:
            pcm = decode_flac(utterance["audio"])
        except (soundfile.LibsndfileError, RuntimeError) as error:
            return f"the audio cannot be decoded: {error}"
        duration_s = len(pcm) / SAMPLE_RATE_HZ
        if duration_s < SHORTEST_S:
            return f"it lasts {1000 * duration_s:.0f} ms; MFA aligns nothing under {1000 * SHORTEST_S:.0f} ms"
        self._names.add(name)
        speaker = f"s{sha256(utterance['speaker_id'].encode())[:_DIGITS]}"
        folder = self._folder / speaker
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", pcm, SAMPLE_RATE_HZ, subtype="PCM_16")
        # UTF-8 without a byte-order mark, which MFA would take for a letter
        (folder / f"{name}.lab").write_text(" ".join(words) + "\n", encoding="utf-8")
        return PooledUtterance(utterance["utterance_id"], utterance["source"], words, speaker, name, duration_s)

    def corpus(self, utterances: Iterable[PooledUtterance], folder: Path) -> Path:
        """Make the corpus folder of a run, with these utterances only; returns it."""
        for utterance in utterances:
            (folder / utterance.speaker).mkdir(parents=True, exist_ok=True)
            for extension in ("wav", "lab"):
                _link(utterance.output(self._folder, extension), utterance.output(folder, extension))
        return folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
