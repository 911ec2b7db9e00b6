"""Events among background: the data of one task of the study `arora2019`, and its imbalance in training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import SelectionError
from kws_core.training_data import TrainingData

BACKGROUND_NAME = "<background>"
PARTS = ("train", "development", "test")


@dataclass(frozen=True, eq=False)
class EventData:
    """One row a segment; the classes are the events in their order, then background."""

    features: NDArray[np.float16]
    """`[rows, time, coeff]`."""
    word_frames: NDArray[np.int64]
    """`[rows, 2]`: first frame of the event and the first after it."""
    labels: NDArray[np.int64]
    """Class of each row; -1 for rows that are left out."""
    units: NDArray[np.str_]
    """What the bootstrap draws: the speaker, or the recording that a sound was cut from."""
    parts: NDArray[np.str_]
    """`train`, `development` or `test`."""
    events: tuple[str, ...]
    licences: tuple[str, ...] = ()
    """Of recordings that the data stages have not read."""

    @property
    def background(self) -> int:
        """The class of background."""
        return len(self.events)

    def rows(self, part: str) -> NDArray[np.int64]:
        """The rows of a part, in their order."""
        return np.flatnonzero((self.labels >= 0) & (self.parts == part))

    def check(self) -> None:
        """Raise `SelectionError` naming an event, or background, that a part lacks."""
        for part in PARTS:
            found = set(self.labels[self.rows(part)].tolist())
            for number, name in enumerate((*self.events, BACKGROUND_NAME)):
                if number not in found:
                    raise SelectionError(f"{name!r} has no {part} segments: add recordings or change the shares")


def imbalanced_rows(data: EventData, imbalance: int, seed: int) -> NDArray[np.int64]:
    """Training rows with `imbalance` background segments for each event segment, in the order of the data.

    Background is as much as there is, while events suffice; events are drawn by seed, as evenly over their classes as
    these allow. With one seed, the events of a larger imbalance are among those of a smaller one.

    Raises:
        SelectionError: an event would have fewer than two training segments.
    """
    rows, random = data.rows("train"), np.random.default_rng(seed)
    background = random.permutation(rows[data.labels[rows] == data.background])
    by_event = [random.permutation(rows[data.labels[rows] == event]) for event in range(data.background)]
    # the first of every event, then the second of every event, and so on
    places = np.concatenate([np.arange(len(own)) for own in by_event])
    events = np.concatenate(by_event)[np.argsort(places, kind="stable")]
    kept = min(len(events), len(background) // imbalance)
    chosen = events[:kept]
    counts = np.bincount(data.labels[chosen], minlength=data.background)
    if counts.min() < 2:
        raise SelectionError(
            f"at imbalance 1:{imbalance}, {len(background)} background segments leave {counts.min()} training segments "
            f"of {data.events[int(counts.argmin())]!r}; at least 2 are needed"
        )
    return np.sort(np.concatenate([chosen, background[: kept * imbalance]]))


def training_data(data: EventData, imbalance: int, seed: int) -> TrainingData:
    """What `fit()` learns from at an imbalance; development keeps its own ratio."""
    return TrainingData(
        features=data.features,
        label_ids=data.labels,
        word_frames=data.word_frames,
        train=imbalanced_rows(data, imbalance, seed),
        trials={},
        classes=data.background + 1,
        class_names=(*data.events, BACKGROUND_NAME),
        development=data.rows("development"),
        targets=tuple(range(data.background)),
        background=data.background,
    )
