"""What `fit()` learns from and is judged by: features in memory or mapped, class ids and development trials."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import FeaturesConfig
from kws_core.errors import TrainingError
from kws_core.selection import class_labels
from kws_core.streaming.stream import TrainingStream

Rows = NDArray[np.int64]
Trials = dict[str, tuple[Rows, Rows, NDArray[np.bool_]]]


def _no_rows() -> Rows:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class TrainingData:
    """Rows of a selection with their features; `train` and `development` are row numbers."""

    features: NDArray[np.float16]
    """`[rows, time, coeff]`; where training rows are streamed, only of the rows before the first of them."""
    label_ids: Rows
    """Training class of each row; -1 out of vocabulary."""
    word_frames: Rows
    """`[rows, 2]`: first frame of the word and the first after it."""
    train: Rows
    trials: Trials
    """Development trials by pair list: left rows, right rows, same label. May be empty."""
    classes: int
    class_names: tuple[str, ...] = ()
    """Of each class, by label id; numbers where they are not given."""
    development: Rows = field(default_factory=_no_rows)
    """Rows of the development split that are of a training class."""
    targets: tuple[int, ...] = ()
    """Label ids of the keywords."""
    background: int = -1
    """Label id of background, the class of what is no word; -1 where there is none."""
    audio: NDArray[np.int16] | None = None
    """`[rows, samples]`: the word in the middle of one second of sound; None where only features are at hand."""
    noise: NDArray[np.float32] | None = None
    """`[recordings, samples]`, full scale 1: recorded noise for augmentation."""
    stream: TrainingStream | None = None
    """Where training rows come from, if not from `features` or `audio`."""

    def __post_init__(self) -> None:
        """Name the classes; raises `TrainingError` when there are not as many names as classes."""
        if not self.class_names:
            object.__setattr__(self, "class_names", tuple(str(number) for number in range(self.classes)))
        if len(self.class_names) != self.classes:
            raise TrainingError(f"{self.classes} classes have {len(self.class_names)} names")


def training_data(
    selection: pa.Table,
    pairs: pa.Table,
    features: NDArray[np.float16],
    config: FeaturesConfig,
    audio: NDArray[np.int16] | None = None,
    noise: NDArray[np.float32] | None = None,
    repeats: Mapping[str, int] | None = None,
    stream: TrainingStream | None = None,
) -> TrainingData:
    """Join a selection, its features (and sound, or the stream of its training rows) and its development pair lists.

    `repeats` says, by corpus, how often a training row is listed; once where it says nothing.

    Raises:
        TrainingError: there is nothing to train on or to be judged by.
    """
    label_ids = selection["label_id"].to_numpy().astype(np.int64)
    split = np.array(selection["split"].to_pylist())
    role = np.array(selection["role"].to_pylist())
    train = np.flatnonzero((split == "train") & (label_ids >= 0))
    if repeats:
        corpora = np.array(selection["corpus"].to_pylist())[train]
        train = np.repeat(train, [repeats.get(corpus, 1) for corpus in corpora.tolist()])
    classes = int(label_ids.max(initial=-1)) + 1
    if classes < 2 or not len(train):
        raise TrainingError(f"{len(train)} training segments of {classes} labels: two labels are the least")
    trials = _development_trials(selection, pairs)
    if not trials:
        raise TrainingError("no development trials: two development speakers must share a word")
    return TrainingData(
        features=features,
        label_ids=label_ids,
        word_frames=word_frames(selection, config),
        train=train,
        trials=trials,
        classes=classes,
        class_names=tuple(class_labels(selection)),
        development=np.flatnonzero((split == "development") & (label_ids >= 0)),
        targets=tuple(np.unique(label_ids[(role == "target") & (label_ids >= 0)]).tolist()),
        background=int(label_ids[role == "background"].max(initial=-1)),
        audio=audio,
        noise=noise,
        stream=stream,
    )


def word_frames(selection: pa.Table, config: FeaturesConfig) -> Rows:
    """First frame of each word and the first after it, `[rows, 2]`: words are centred in their features.

    Background has no word that its surroundings could be told from: all of its frames count.
    """
    half = selection["word_s"].to_numpy() / config.hop_s / 2
    middle = config.frames / 2
    first = np.clip(np.floor(middle - half), 0, config.frames - 1)
    after = np.clip(np.ceil(middle + half), first + 1, config.frames)
    spans = np.stack([first, after], axis=1).astype(np.int64)
    spans[np.array(selection["role"].to_pylist()) == "background"] = (0, config.frames)
    return spans


def _development_trials(selection: pa.Table, pairs: pa.Table) -> Trials:
    place = {segment_id: row for row, segment_id in enumerate(selection["segment_id"].to_pylist())}
    trials: Trials = {}
    for name in sorted(set(pairs["test_set"].to_pylist())):
        if name.startswith("development "):
            chosen = pairs.filter(pa.compute.equal(pairs["test_set"], name))
            left, right = (
                np.array([place[segment_id] for segment_id in chosen[side].to_pylist()], np.int64)
                for side in ("left", "right")
            )
            trials[name] = (left, right, np.array(chosen["same"].to_pylist(), np.bool_))
    return trials
