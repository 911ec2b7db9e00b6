"""Rare keywords among other words: the first task of the study `arora2019`."""

import numpy as np

from kws_core.fingerprint import sha256
from kws_core.studies.arora2019_config import Arora2019Config
from kws_core.studies.arora2019_events import EventData
from kws_core.studies.data import StudyData


def word_data(data: StudyData, config: Arora2019Config) -> EventData:
    """Label every segment, split by speaker; recordings that occur twice (speaker, label and features) count once.

    Raises:
        SelectionError: an event has no segments of train, development or test speakers.
    """
    numbers = {word: number for number, word in enumerate(config.events)}
    background = len(config.events)
    labels = np.array([numbers.get(label, background) for label in data.labels.tolist()], np.int64)
    labels[(labels != background) & ~np.isin(data.corpora, config.event_corpora)] = -1
    seen: set[tuple[str, str, str]] = set()
    for row, (speaker, label) in enumerate(zip(data.speakers.tolist(), data.labels.tolist(), strict=True)):
        key = (speaker, label, sha256(np.ascontiguousarray(data.features[row]).tobytes()))
        if key in seen:
            labels[row] = -1
        seen.add(key)
    found = EventData(
        data.features, data.word_frames, labels, data.speakers, data.splits(config.selection), config.events
    )
    found.check()
    return found
