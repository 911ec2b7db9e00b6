"""Training data whose background is split into pseudo-classes, for clustered pre-training."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kws_core.clustering import cluster_count, pseudo_classes
from kws_core.errors import TrainingError
from kws_core.training_data import TrainingData


def split_background(data: TrainingData, clusters: int, seed: int) -> TrainingData:
    """Split the training background into k-means clusters, each a class: about as large as the other classes.

    `clusters` 0 makes as many as that needs. Segments are clustered by the mean and standard deviation over time of
    each stored coefficient, each scaled to unit variance: no encoder has to be trained first, and a resumed run finds
    the same clusters. The first cluster keeps the class of the background, the others are new classes after the last.
    Development background is left out, since no cluster is its own. Data without background stays as it is.

    Raises:
        TrainingError: a number of clusters is asked for and there is no background, or less than so many rows.
    """
    pool = data.train[data.label_ids[data.train] == data.background] if data.background >= 0 else data.train[:0]
    if not len(pool):
        if clusters:
            raise TrainingError(f"strategy.background_clusters is {clusters}, but no training segment is background")
        return data
    if not clusters:
        sizes = np.bincount(data.label_ids[data.train], minlength=data.classes)
        rare = [int(size) for label, size in enumerate(sizes) if label != data.background and size]
        clusters = cluster_count(len(pool), rare)
    if clusters < 2:
        return data
    found = pseudo_classes(_statistics(data.features, pool), clusters, seed)
    label_ids = data.label_ids.copy()
    label_ids[pool] = np.where(found == 0, data.background, data.classes + found - 1)
    name = data.class_names[data.background]
    return replace(
        data,
        label_ids=label_ids,
        classes=data.classes + clusters - 1,
        class_names=(*data.class_names, *(f"{name} {number}" for number in range(2, clusters + 1))),
        development=data.development[label_ids[data.development] != data.background],
    )


def _statistics(features: NDArray[np.float16], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean and standard deviation over time, `[rows, 2 coeff]`, each column scaled to unit variance."""
    statistics = np.empty((len(rows), 2 * features.shape[2]), np.float32)
    for place, row in enumerate(rows):
        frames = features[row].astype(np.float32)
        statistics[place] = np.concatenate([frames.mean(axis=0), frames.std(axis=0)])
    spread = statistics.std(axis=0)
    scaled: NDArray[np.float32] = (statistics - statistics.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scaled
