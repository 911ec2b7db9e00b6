"""Back ends fitted on training embeddings, with thresholds calibrated on development speakers."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.softmax import SoftmaxBackend
from kws_core.backends.svm import SvmBackend
from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.bundle import OperatingPoint
from kws_core.config import BackendsConfig


@dataclass(frozen=True)
class CalibratedBackends:
    """The back ends of a spotter and the thresholds of each."""

    centroid: CentroidBackend
    svm: SvmBackend
    softmax: SoftmaxBackend
    thresholds: dict[str, NDArray[np.float64]]
    """Per back end `[keywords]`."""
    operating_point: OperatingPoint
    keyword_durations_s: tuple[float, ...]

    def backends(self) -> dict[str, Backend]:
        """The back ends by name."""
        return {"centroid": self.centroid, "svm": self.svm, "softmax": self.softmax}


def calibrate(
    selection: pa.Table,
    embeddings: NDArray[np.float32],
    keywords: tuple[str, ...],
    test_corpora: frozenset[str],
    config: BackendsConfig,
    seed: int,
) -> CalibratedBackends:
    """Fit centroids, SVM and softmax on the training rows; calibrate at `config.far` on the development rows.

    Background counts as non-target everywhere: between words a spotter must stay silent too. The non-targets have a
    centroid of their own, and are one class of the softmax.

    Args:
        selection: `schemas.SELECTION`.
        embeddings: `[rows of the selection, dim]`, L2-normalised.
        keywords: the targets.
        test_corpora: left out.
        config: the candidates and the operating point.
        seed: for the SVM.

    Raises:
        TrainingError: a keyword without training or development rows, or nothing to tell it from.
    """
    labels = np.array(selection["label"].to_pylist())
    split = np.array(selection["split"].to_pylist())
    ours = ~np.isin(np.array(selection["corpus"].to_pylist()), sorted(test_corpora))
    train, development = (split == "train") & ours, (split == "development") & ours
    centroid = CentroidBackend.fit(embeddings[train], labels[train], keywords, unknown=True)
    svm = SvmBackend.fit(
        embeddings[train],
        labels[train],
        embeddings[development],
        labels[development],
        keywords,
        c=config.svm_c,
        gamma=config.svm_gamma,
        seed=seed,
    )
    softmax = SoftmaxBackend.fit(embeddings[train], labels[train], keywords)
    is_keyword = labels[development][:, None] == np.array(keywords)[None, :]
    fitted: dict[str, Backend] = {"centroid": centroid, "svm": svm, "softmax": softmax}
    thresholds = {
        name: calibrate_thresholds(backend.score(embeddings[development]), is_keyword, config.far)
        for name, backend in fitted.items()
    }
    point = OperatingPoint(
        far=config.far,
        non_target_segments=int((~is_keyword.any(axis=1)).sum()),
        speakers=len(set(np.array(selection["speaker_id"].to_pylist())[development])),
    )
    word_s = selection["word_s"].to_numpy()
    durations_s = tuple(round(float(np.median(word_s[train & (labels == word)])), 3) for word in keywords)
    return CalibratedBackends(centroid, svm, softmax, thresholds, point, durations_s)
