"""Cosines of trials by a trained encoder, as a study's cell keeps them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kws_core.evaluation.trials import score_pairs

if TYPE_CHECKING:
    from torch import nn

    from kws_core.training_data import TrainingData, Trials


def trial_scores(
    encoder: "nn.Module", data: "TrainingData", speakers: NDArray[np.str_], trials: "Trials", device: str
) -> dict[str, NDArray[Any]]:
    """For each pair list the arrays `scores`, `same`, `left` and `right` (speakers) `[trials]`, named `ARRAY LIST`."""
    import torch  # here: a study's table needs neither

    from kws_core.training.judge import embed_rows

    arrays: dict[str, NDArray[Any]] = {}
    for name, (left, right, same) in trials.items():
        rows = np.unique(np.concatenate([left, right]))
        raw = embed_rows(encoder, data, rows, torch.device(device))
        unit = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), np.float32(1e-12))
        arrays[f"scores {name}"] = score_pairs(unit, np.searchsorted(rows, left), np.searchsorted(rows, right))
        arrays[f"same {name}"] = same
        arrays[f"left {name}"], arrays[f"right {name}"] = speakers[left], speakers[right]
    return arrays
