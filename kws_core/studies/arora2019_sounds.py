"""Rare environmental sounds in background noise and speech: the second task of the study `arora2019`."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from kws_core.config import FeaturesConfig, SelectionConfig
from kws_core.features.part import checked_frontend
from kws_core.studies.arora2019_config import SoundsConfig
from kws_core.studies.arora2019_events import PARTS, EventData
from kws_core.studies.arora2019_recordings import Clips, Recordings, licences, read_recordings

LOUDEST_DB, QUIETEST_DB = -20.0, -40.0
"""Power of a mixture against full scale: drawn, so that it tells nothing."""
BATCH = 128


@lru_cache(maxsize=1)
def sound_data(sounds: SoundsConfig, selection: SelectionConfig, features: FeaturesConfig, content: str) -> EventData:
    """Mix and featurise the segments of all parts; equal arguments give equal segments.

    Kept for the next cell of this process: `content` is the fingerprint of the recordings (`content()`), so that other
    ones are mixed anew. The bootstrap's unit of a mixture with an event is the event's recording; of one without, that
    of the noise or, where there is none, the speaker.

    Raises:
        CorpusError: a recording cannot be read.
        SelectionError: a part lacks an event, noise or speech.
        ConfigError: one second does not have `features.frames` frames.
    """
    frontend = checked_frontend(features)
    recordings = read_recordings(sounds, selection)
    blocks, labels, units, parts = [], [], [], []
    for number, part in enumerate(PARTS):
        random = np.random.default_rng([sounds.seed, number])
        count = getattr(sounds, part)
        classes = [place % len(sounds.events) for place in range(count[0])] + [len(sounds.events)] * count[1]
        waves: list[NDArray[np.float32]] = []
        for label in classes:
            wave, unit = draw_mixture(recordings[part], label, sounds, random)
            waves.append(wave)
            units.append(unit)
            if len(waves) == BATCH:
                blocks.append(frontend(torch.from_numpy(np.stack(waves))).half().numpy())
                waves = []
        if waves:
            blocks.append(frontend(torch.from_numpy(np.stack(waves))).half().numpy())
        labels += classes
        parts += [part] * len(classes)
    found = EventData(
        features=np.concatenate(blocks),
        word_frames=np.tile(np.array([0, features.frames], np.int64), (len(labels), 1)),
        labels=np.array(labels, np.int64),
        units=np.array(units, np.str_),
        parts=np.array(parts, np.str_),
        events=sounds.events,
        licences=licences(sounds),
    )
    found.check()
    return found


def draw_mixture(
    recordings: Recordings, label: int, sounds: SoundsConfig, random: np.random.Generator
) -> tuple[NDArray[np.float32], str]:
    """One second `[samples]`, full scale 1, and its bootstrap unit; `label` counts events, then background.

    Surroundings are noise, speech, or speech over noise, a third each; the event is laid over them. Ratios of powers
    are uniform in decibels between `sounds.min_snr_db` and `sounds.max_snr_db`.
    """
    kind = ("noise", "speech", "both")[random.integers(3)]
    wave, unit = _draw(recordings.speech if kind == "speech" else recordings.noise, random)
    if kind == "both":
        wave = over(_draw(recordings.speech, random)[0], wave, random.uniform(sounds.min_snr_db, sounds.max_snr_db))
    if label < len(recordings.events):
        event, unit = _draw(recordings.events[label], random)
        wave = over(event, wave, random.uniform(sounds.min_snr_db, sounds.max_snr_db))
    level = random.uniform(QUIETEST_DB, LOUDEST_DB)
    return wave * np.float32(10 ** (level / 20) / _rms(wave)), unit


def over(wave: NDArray[np.float32], surroundings: NDArray[np.float32], snr_db: float) -> NDArray[np.float32]:
    """The surroundings with a wave added, its power `snr_db` above theirs."""
    gain = 10 ** (snr_db / 20) * _rms(surroundings) / _rms(wave)
    return surroundings + wave * np.float32(gain)


def _draw(clips: Clips, random: np.random.Generator) -> tuple[NDArray[np.float32], str]:
    """A loud second of any recording, each as likely, and the recording's name."""
    names = list(clips)
    name = names[random.integers(len(names))]
    return clips[name][random.integers(len(clips[name]))].window(random), name


def _rms(wave: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
