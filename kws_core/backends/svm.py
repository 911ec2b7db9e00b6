"""The SVM back end: one RBF support vector machine per keyword, scored with numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import check_embeddings, check_training_data, named_array
from kws_core.errors import TrainingError
from kws_core.evaluation.det import eer

_KERNEL_CELLS = 4_000_000  # cells of the kernel matrix held at once: 32 MB


@dataclass(frozen=True, eq=False)
class SvmBackend:
    """One-vs-rest RBF SVMs that share their support vectors.

    `support_vectors [vectors, dim]`, `dual_coefficients [keywords, vectors]` (0 where a vector does not support a
    keyword's machine), `intercepts [keywords]`. A decision value is `sum_v dual_v exp(-gamma |e - v|^2) + intercept`.

    The arrays keep these types: dual coefficients reach C, and in single precision their sum would not stay within
    1e-5 of scikit-learn's.

    Source: Huh et al. 2020 (arXiv 2005.08776), decision without an unknown cluster.
    """

    keywords: tuple[str, ...]
    support_vectors: NDArray[np.float32]
    dual_coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    gamma: float

    @classmethod
    def fit(
        cls,
        embeddings: NDArray[np.float32],
        labels: NDArray[np.str_],
        development_embeddings: NDArray[np.float32],
        development_labels: NDArray[np.str_],
        keywords: tuple[str, ...],
        *,
        c: tuple[float, ...] = (1.0, 10.0),
        gamma: tuple[float, ...] = (0.5, 1.0, 2.0),
        max_non_targets: int = 5000,
        seed: int = 0,
    ) -> Self:
        """SVMs with the candidate `c` and `gamma` whose EER, mean over keywords, is least on development data.

        `embeddings [n, dim]` are L2-normalised. One pair of C and gamma serves all keywords; of equal ones the first
        with the fewest support vectors is kept. Training costs the square of the segments, so at most
        `max_non_targets` segments of other labels are used, drawn by `seed`. Raises `TrainingError` for a keyword
        without training or development segments, and when there is nothing to tell it from.
        """
        check_training_data(embeddings, labels, keywords, "training")
        check_training_data(development_embeddings, development_labels, keywords, "development")
        if not c or not gamma or min(*c, *gamma) <= 0:
            raise TrainingError(f"candidates of the SVM must be positive numbers, not c={c}, gamma={gamma}")
        for split, split_labels in (("training", labels), ("development", development_labels)):
            if len(set(split_labels.tolist())) == 1:
                raise TrainingError(f"every {split} segment is {keywords[0]!r}: an SVM needs segments of other labels")
        # support vectors are saved in single precision: the machines must be fitted to what will be scored with
        embeddings = embeddings.astype(np.float32, copy=False)
        kept = _limit_non_targets(labels, keywords, max_non_targets, seed)
        candidates = [cls._fit_one(embeddings[kept], labels[kept], keywords, *values) for values in product(c, gamma)]

        def cost(candidate: Self) -> tuple[float, int]:
            scores = candidate.score(development_embeddings)
            errors = [eer(scores[:, k], development_labels == keyword) for k, keyword in enumerate(keywords)]
            return float(np.mean(errors)), len(candidate.support_vectors)

        return min(candidates, key=cost)

    @classmethod
    def _fit_one(
        cls,
        embeddings: NDArray[np.float32],
        labels: NDArray[np.str_],
        keywords: tuple[str, ...],
        c: float,
        gamma: float,
    ) -> Self:
        from sklearn.svm import SVC  # here: a spotter in service scores without scikit-learn

        dual_coefficients = np.zeros((len(keywords), len(embeddings)))
        intercepts = np.zeros(len(keywords))
        for k, keyword in enumerate(keywords):
            machine = SVC(kernel="rbf", C=c, gamma=gamma, class_weight="balanced").fit(embeddings, labels == keyword)
            dual_coefficients[k, machine.support_] = machine.dual_coef_[0]
            intercepts[k] = machine.intercept_[0]
        used = dual_coefficients.any(axis=0)
        return cls(keywords, embeddings[used], dual_coefficients[:, used], intercepts, gamma)

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decision values `[n, keywords]` of `embeddings [n, dim]`; raises `EvaluationError` on another dim.

        Equal to scikit-learn's `decision_function` within 1e-5.
        """
        check_embeddings(embeddings, self.support_vectors.shape[1])
        vectors = self.support_vectors.astype(np.float64)
        vector_squares = np.einsum("vd,vd->v", vectors, vectors)
        scores = np.empty((len(embeddings), len(self.keywords)), np.float32)
        rows = max(1, _KERNEL_CELLS // max(1, len(vectors)))
        for start in range(0, len(embeddings), rows):
            chunk = embeddings[start : start + rows].astype(np.float64)
            distances = np.einsum("nd,nd->n", chunk, chunk)[:, None] + vector_squares - 2 * chunk @ vectors.T
            kernel = np.exp(-self.gamma * np.maximum(distances, 0))
            scores[start : start + rows] = kernel @ self.dual_coefficients.T + self.intercepts
        return scores

    def decide(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """The index `[n]` of the keyword with the largest decision value, or -1 where none is above 0.

        That is: rejected by all machines, a non-target. Raises `EvaluationError` on another dim.
        """
        scores = self.score(embeddings)
        return np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), -1).astype(np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`support_vectors`, `dual_coefficients`, `intercepts` and `gamma [1]`, to be saved."""
        return {
            "support_vectors": self.support_vectors,
            "dual_coefficients": self.dual_coefficients,
            "intercepts": self.intercepts,
            "gamma": np.array([self.gamma]),
        }

    @classmethod
    def from_arrays(cls, keywords: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The back end of saved `arrays`; raises `BundleError` when they do not fit the keywords."""
        vectors = named_array(arrays, "support_vectors", (None, None))
        return cls(
            keywords,
            vectors.astype(np.float32, copy=False),
            named_array(arrays, "dual_coefficients", (len(keywords), len(vectors))).astype(np.float64, copy=False),
            named_array(arrays, "intercepts", (len(keywords),)).astype(np.float64, copy=False),
            float(named_array(arrays, "gamma", (1,))[0]),
        )


def _limit_non_targets(labels: NDArray[np.str_], keywords: tuple[str, ...], limit: int, seed: int) -> NDArray[np.intp]:
    """Rows of all keyword segments and of at most `limit` others, in their order."""
    is_keyword = np.isin(labels, keywords)
    others = np.flatnonzero(~is_keyword)
    if len(others) > limit:
        others = np.random.default_rng(seed).choice(others, limit, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(is_keyword), others]))
