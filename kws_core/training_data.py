"""What `fit()` learns from and is judged by: features in memory or mapped, class ids and development trials."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import FeaturesConfig
from kws_core.errors import TrainingError


@dataclass(frozen=True)
class TrainingData:
    """Rows of a selection with their features; `train` and `development` are row numbers."""

    features: NDArray[np.float16]
    """`[rows, time, coeff]`."""
    label_ids: NDArray[np.int64]
    """Training class of each row; -1 out of vocabulary."""
    word_frames: NDArray[np.int64]
    """`[rows, 2]`: first frame of the word and the first after it."""
    train: NDArray[np.int64]
    trials: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]]
    """Development trials by pair list: left rows, right rows, same label."""
    classes: int


def training_data(
    selection: pa.Table, pairs: pa.Table, features: NDArray[np.float16], config: FeaturesConfig
) -> TrainingData:
    """Join a selection, its features and its development pair lists.

    Raises:
        TrainingError: there is nothing to train on or to be judged by.
    """
    label_ids = selection["label_id"].to_numpy().astype(np.int64)
    split = np.array(selection["split"].to_pylist())
    train = np.flatnonzero((split == "train") & (label_ids >= 0))
    classes = int(label_ids.max(initial=-1)) + 1
    if classes < 2 or not len(train):
        raise TrainingError(f"{len(train)} training segments of {classes} labels: two labels are the least")
    place = {segment_id: row for row, segment_id in enumerate(selection["segment_id"].to_pylist())}
    trials = {}
    for name in sorted(set(pairs["test_set"].to_pylist())):
        if name.startswith("development "):
            chosen = pairs.filter(pa.compute.equal(pairs["test_set"], name))
            left, right = (
                np.array([place[segment_id] for segment_id in chosen[side].to_pylist()], np.int64)
                for side in ("left", "right")
            )
            trials[name] = (left, right, np.array(chosen["same"].to_pylist(), np.bool_))
    if not trials:
        raise TrainingError("no development trials: two development speakers must share a word")
    return TrainingData(features, label_ids, word_frames(selection, config), train, trials, classes)


def word_frames(selection: pa.Table, config: FeaturesConfig) -> NDArray[np.int64]:
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
