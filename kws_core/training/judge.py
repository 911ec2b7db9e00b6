"""How good the weights of an epoch are, on development data."""

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kws_core.errors import TrainingError
from kws_core.evaluation.det import eer, frr_at_far
from kws_core.losses import Loss
from kws_core.training.distributed import current_ranks
from kws_core.training.report import EpochReport
from kws_core.training_data import TrainingData

REPORTED_FAR = 0.02
BATCH = 256

JudgedBy = Literal["trials", "classes"]


class Judge:
    """Measures an encoder: EER and FRR at FAR 2 % over development pair lists, or its loss's classifier.

    `by` says what is minimised: the mean EER of the pair lists (`trials`), or the balanced error of the classifier
    over development rows (`classes`). None picks the first of the two that the data and the loss allow, and neither
    where they allow none: then every cost is NaN. `labels [rows]` are the classes that the loss is trained with.

    Raises:
        TrainingError: the data or the loss does not allow what is asked for.
    """

    def __init__(
        self, data: TrainingData, labels: NDArray[np.int64], loss: Loss, by: JudgedBy | None, device: torch.device
    ) -> None:
        development = data.development[labels[data.development] >= 0]
        classes_judged = len(development) > 0 and loss.has_logits
        if by is None:
            by = "trials" if data.trials else "classes" if classes_judged else None
        if by == "trials" and not data.trials:
            raise TrainingError("training cannot be judged by trials: there are no development pair lists")
        if by == "classes" and not classes_judged:
            raise TrainingError("training cannot be judged by classes: it needs development rows and a classifier")
        self.by = by
        self._data, self._device = data, device
        self._development = development if by == "classes" else development[:0]
        self._labels = labels[self._development]

    def report(self, encoder: nn.Module, loss: Loss, epoch: int, mean_loss: float, learning_rate: float) -> EpochReport:
        """Measure the weights after an epoch, which counts from 1.

        Raises:
            TrainingError: an embedding of a development segment is not finite.
        """
        sides = [side for left, right, _ in self._data.trials.values() for side in (left, right)]
        rows = np.unique(np.concatenate([*sides, self._development]))
        ranks = current_ranks()
        embeddings = ranks.joined(embed_rows(encoder, self._data, rows[ranks.share(len(rows))], self._device))
        if not np.isfinite(embeddings).all():
            raise TrainingError(
                f"embeddings of development segments are not finite after epoch {epoch}: lower "
                f"training.learning_rate ({learning_rate:g}) or look for features that are not numbers"
            )
        equal_error, false_rejection = _verification(embeddings, rows, self._data)
        error = math.nan
        if self.by == "classes":
            with torch.inference_mode():
                chosen = torch.from_numpy(embeddings[np.searchsorted(rows, self._development)]).to(self._device)
                predicted = loss.logits(chosen).argmax(dim=1).cpu().numpy()
            error = balanced_error(predicted, self._labels)
        cost = {"trials": equal_error, "classes": error, None: math.nan}[self.by]
        return EpochReport(epoch, mean_loss, equal_error, false_rejection, error, cost)


def embed(encoder: nn.Module, data: TrainingData, device: str = "cpu") -> dict[str, NDArray[np.float32]]:
    """L2-normalised embeddings `[left rows + right rows, dim]` of both sides of every pair list, by its name."""
    rows = np.unique(np.concatenate([side for left, right, _ in data.trials.values() for side in (left, right)]))
    unit = _unit(embed_rows(encoder, data, rows, torch.device(device)))
    return {
        name: unit[np.searchsorted(rows, np.concatenate([left, right]))]
        for name, (left, right, _) in data.trials.items()
    }


def embed_rows(
    encoder: nn.Module, data: TrainingData, rows: NDArray[np.int64], device: torch.device
) -> NDArray[np.float32]:
    """Embeddings `[rows, dim]` of stored features in evaluation mode, as the encoder gives them; it is left in it."""
    encoder.eval()
    features = np.asarray(data.features)
    parts: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            batch = torch.from_numpy(features[rows[start : start + BATCH]]).to(device).float()
            parts.append(encoder(batch).cpu())
    embeddings: NDArray[np.float32] = torch.cat(parts).numpy() if parts else np.zeros((0, 0), np.float32)
    return embeddings


def balanced_error(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Mean over the classes among `labels [n]` of the share of their rows where `predicted [n]` is another."""
    wrong = predicted != labels
    return float(np.mean([wrong[labels == label].mean() for label in np.unique(labels)]))


def _verification(embeddings: NDArray[np.float32], rows: NDArray[np.int64], data: TrainingData) -> tuple[float, float]:
    """EER and FRR at the reported FAR, each the mean over the pair lists; NaN without any."""
    if not data.trials:
        return math.nan, math.nan
    unit = _unit(embeddings)
    eers, frrs = [], []
    for left, right, same in data.trials.values():
        scores = np.einsum("nd,nd->n", unit[np.searchsorted(rows, left)], unit[np.searchsorted(rows, right)])
        eers.append(eer(scores, same))
        frrs.append(frr_at_far(scores, same, REPORTED_FAR))
    return float(np.mean(eers)), float(np.mean(frrs))


def _unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = nn.functional.normalize(torch.from_numpy(embeddings)).numpy()
    return unit
