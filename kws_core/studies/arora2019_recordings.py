"""Recordings that rare sounds, noise and speech are cut from, split so that no recording is heard in two parts."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import Pcm16, decode_file, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ, SelectionConfig
from kws_core.corpora.manifest import prepare_manifest
from kws_core.corpora.recording import Recording
from kws_core.errors import SelectionError
from kws_core.fingerprint import fingerprint, unit_interval
from kws_core.selection import speaker_split
from kws_core.studies.arora2019_config import SoundsConfig
from kws_core.studies.arora2019_events import PARTS

WINDOW_SAMPLES = SAMPLE_RATE_HZ
HOP_SAMPLES = SAMPLE_RATE_HZ // 10
LOUD_DB = 10.0
"""A second is loud when its power is within this of the loudest second of its recording."""

Clips = dict[str, list["Clip"]]


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded clip and where its loud seconds start, in samples."""

    pcm: Pcm16
    starts: NDArray[np.int64]

    def window(self, random: np.random.Generator) -> NDArray[np.float32]:
        """One of its loud seconds, at a power of 1."""
        start = int(self.starts[random.integers(len(self.starts))])
        samples = np.zeros(WINDOW_SAMPLES, np.float32)
        heard = pcm16_to_float(self.pcm[start : start + WINDOW_SAMPLES])
        samples[: len(heard)] = heard
        return samples / np.float32(math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))))


@dataclass(frozen=True, eq=False)
class Recordings:
    """Clips of one part, by the recording (speech: the speaker) that they are cut from."""

    events: tuple[Clips, ...]
    """Of each event, in the order of the configuration."""
    noise: Clips
    speech: Clips


def content(sounds: SoundsConfig) -> str:
    """Fingerprint of all recordings that the mixtures may be made of; raises `CorpusError` as their manifests do."""
    planned = [*prepare_manifest(sounds.recordings), *prepare_manifest(sounds.speech)]
    return fingerprint("arora2019 sounds", [recording.digest for recording in planned])


def licences(sounds: SoundsConfig) -> tuple[str, ...]:
    """Licences of all recordings that the mixtures may be made of, each once, in alphabetical order."""
    planned = [*prepare_manifest(sounds.recordings), *prepare_manifest(sounds.speech)]
    return tuple(sorted({recording.licence for recording in planned}))


def read_recordings(sounds: SoundsConfig, selection: SelectionConfig) -> dict[str, Recordings]:
    """Decode the recordings of each part. Digitally silent clips are left out.

    Raises:
        CorpusError: a manifest or a recording cannot be read.
        SelectionError: a part lacks an event, noise or speech.
    """
    by_sound: dict[str, dict[str, list[Recording]]] = {}
    for recording in prepare_manifest(sounds.recordings):
        sound = recording.text if recording.text in sounds.events else ""
        by_sound.setdefault(sound, {}).setdefault(source_name(recording.location, sounds), []).append(recording)
    split = {sound: split_sources(list(sources), sounds) for sound, sources in by_sound.items()}
    speech: dict[str, list[Recording]] = {part: [] for part in PARTS}
    for recording in sorted(prepare_manifest(sounds.speech), key=lambda one: unit_interval("arora2019", one.source)):
        own = speech[speaker_split(recording.speaker_id, selection)]
        if len(own) < sounds.speech_recordings:
            own.append(recording)
    found = {}
    for part in PARTS:
        chosen = {
            sound: _decode({name: sources[name] for name in sources if split[sound][name] == part})
            for sound, sources in by_sound.items()
        }
        spoken: dict[str, list[Recording]] = {}
        for recording in speech[part]:
            spoken.setdefault(recording.speaker_id, []).append(recording)
        events = tuple(chosen.get(event, {}) for event in sounds.events)
        found[part] = Recordings(events, chosen.get("", {}), _decode(spoken))
        for name, clips in (*zip(sounds.events, events, strict=True), ("noise", found[part].noise)):
            if not clips:
                raise SelectionError(f"sounds: there is no {part} recording of {name!r}: more recordings are needed")
        if not found[part].speech:
            raise SelectionError(f"sounds: {sounds.speech.path} has no {part} speakers")
    return found


def source_name(location: str, sounds: SoundsConfig) -> str:
    """Name of the recording that a file is cut from."""
    stem = Path(location).stem
    match = re.fullmatch(sounds.source_pattern, stem)
    return match.group(1) if match else stem


def split_sources(sources: list[str], sounds: SoundsConfig) -> dict[str, str]:
    """The part of each recording of one sound: by hash order test first, then development, the rest trains."""
    order = sorted(sources, key=lambda name: (unit_interval("arora2019 recording", name), name))
    test = math.ceil(sounds.test_share * len(order))
    development = max(1, round(sounds.development_share * len(order)))
    parts = ["test"] * test + ["development"] * development + ["train"] * len(order)
    return dict(zip(order, parts, strict=False))


def loud_starts(pcm: Pcm16) -> NDArray[np.int64]:
    """Where loud seconds start, in samples, a tenth of a second apart; empty for digital silence."""
    energy = np.concatenate([[0], np.cumsum(np.square(pcm.astype(np.int64)))])
    starts = np.arange(0, max(len(pcm) - WINDOW_SAMPLES, 0) + 1, HOP_SAMPLES)
    power = energy[np.minimum(starts + WINDOW_SAMPLES, len(pcm))] - energy[starts]
    loudest = power.max()
    if not loudest:
        return starts[:0]
    loud: NDArray[np.int64] = starts[power >= loudest * 10 ** (-LOUD_DB / 10)]
    return loud


def _decode(sources: dict[str, list[Recording]]) -> Clips:
    clips: Clips = {}
    for name, recordings in sorted(sources.items()):
        for recording in recordings:
            pcm = decode_file(Path(recording.location))
            starts = loud_starts(pcm)
            if len(starts):
                clips.setdefault(name, []).append(Clip(pcm, starts))
    return clips
