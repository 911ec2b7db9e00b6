"""Pair selection: how words that are no targets enter training (Huh et al.)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import TrainingError

UNKNOWN = "<unknown>"
"""Name of the unknown cluster; no transcript has such a word."""
NonTargets = Literal["own_class", "unknown_cluster", "negatives_only"]


def select_pairs(
    label_ids: NDArray[np.int64], class_names: Sequence[str], targets: Sequence[str], mode: NonTargets
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Turn label ids of a selection into training labels; returns them, `[rows]`, with the names of their classes.

    own_class: as they are. unknown_cluster: the targets in their order, then one class `UNKNOWN` of all other classes.
    negatives_only: the targets in their order; samples of other classes are labelled -1.
    Rows that are out of vocabulary (-1) keep -1 in all modes; they are no training rows.

    Source: Huh et al., pair selection with and without an unknown cluster; own_class is Ma et al.'s protocol.

    Raises:
        TrainingError: a label id without a name, a target that is no class or occurs twice, or, with an unknown
            cluster, nothing to put into it.
    """
    label_ids = np.asarray(label_ids, np.int64)
    names = tuple(class_names)
    if len(label_ids) and not -1 <= label_ids.min() <= label_ids.max() < len(names):
        wrong = label_ids[(label_ids < -1) | (label_ids >= len(names))][0]
        raise TrainingError(f"label id {wrong} has no name: -1 to {len(names) - 1} are accepted")
    if mode == "own_class":
        return label_ids.copy(), names
    _check_targets(names, targets)
    others = len(names) - len(targets)
    if mode == "unknown_cluster" and not others:
        raise TrainingError("loss.non_targets is unknown_cluster, but all classes are targets: use own_class")
    label_of_class = np.full(len(names) + 1, len(targets) if mode == "unknown_cluster" else -1, np.int64)
    label_of_class[-1] = -1  # where label id -1 looks
    for label, target in enumerate(targets):
        label_of_class[names.index(target)] = label
    labels: NDArray[np.int64] = label_of_class[label_ids]
    return labels, (*targets, UNKNOWN) if mode == "unknown_cluster" else tuple(targets)


def _check_targets(names: tuple[str, ...], targets: Sequence[str]) -> None:
    if not targets:
        raise TrainingError("no targets: without any, loss.non_targets can only be own_class")
    for target in targets:
        if target not in names:
            raise TrainingError(f"target {target!r} is not among the {len(names)} training classes")
        if list(targets).count(target) > 1:
            raise TrainingError(f"target {target!r} is named twice")
