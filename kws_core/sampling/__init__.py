"""Batch samplers: which training rows form a batch. One sampler a file."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SamplingConfig
from kws_core.errors import TrainingError
from kws_core.sampling.ap_fc import ApFcBatches
from kws_core.sampling.class_balanced import ClassBalanced
from kws_core.sampling.episodes import Episodes
from kws_core.sampling.oversampled import Oversampled
from kws_core.sampling.rows import RowsByClass, rows_by_class
from kws_core.sampling.sampler import BatchSampler
from kws_core.sampling.shuffled import Shuffled
from kws_core.sampling.undersampled import Undersampled

__all__ = [
    "ApFcBatches",
    "BatchSampler",
    "ClassBalanced",
    "Episodes",
    "Oversampled",
    "RowsByClass",
    "Shuffled",
    "Undersampled",
    "build_sampler",
    "rows_by_class",
]


def build_sampler(
    config: SamplingConfig, labels: NDArray[np.int64], batch_size: int, class_names: Sequence[str]
) -> BatchSampler:
    """Build the sampler that the configuration names.

    Args:
        config: the sampler and its numbers.
        labels: `[rows]`, the training class of each training row; -1 is a non-target.
        batch_size: rows a batch; episodes and ap_fc have numbers of their own.
        class_names: names of the classes, for error messages.

    Raises:
        TrainingError: labels that fit no class, a batch size below 1, or batches that cannot be formed.
    """
    if batch_size < 1:
        raise TrainingError(f"training.batch_size must be at least 1, not {batch_size}")
    rows = rows_by_class(labels, class_names)
    match config.name:
        case "shuffled":
            return Shuffled(len(labels), batch_size)
        case "class_balanced":
            return ClassBalanced(rows, batch_size)
        case "oversampled":
            return Oversampled(rows, batch_size)
        case "undersampled":
            return Undersampled(rows, batch_size)
        case "episodes":
            return Episodes(rows, config.classes_per_batch, config.samples_per_class)
        case "ap_fc":
            return ApFcBatches(rows, config.non_targets)
