"""The softmax back end: the log posteriors of a linear classifier, in which other classes compete with the keywords."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import check_embeddings, check_training_data, named_array
from kws_core.errors import BundleError, TrainingError

_NORM_FLOOR = 1e-12  # as in torch.nn.functional.normalize


@dataclass(frozen=True, eq=False)
class SoftmaxBackend:
    """A linear classifier `weight [classes, dim]`, `bias [classes]`, whose first classes are the keywords.

    The classes behind them (other words, unknown, background) are names no longer, but take their share of the
    probability. With `normalised`, embeddings are brought to length 1 before they are scored.

    Source: the classifier that Huh et al. 2020, Ma et al. and Arora et al. 2019 hold their embeddings against.
    """

    keywords: tuple[str, ...]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    normalised: bool

    @classmethod
    def from_weights(
        cls,
        keywords: tuple[str, ...],
        weight: NDArray[np.floating[Any]],
        bias: NDArray[np.floating[Any]],
        class_names: Sequence[str],
        normalised: bool,
        scale: float = 1.0,
    ) -> Self:
        """The classifier that a network was trained with.

        Args:
            keywords: the targets; each must be one of the classes.
            weight: `[classes, dim]`.
            bias: `[classes]`; zeros for a classifier without.
            class_names: names of the classes, in the order of the rows of `weight`.
            normalised: whether embeddings and weights are brought to length 1 (normalised softmax and its margins).
                Without it the embeddings to be scored are those of the network, not normalised ones.
            scale: what the product of embedding and weight is multiplied by; the bias is not.

        Raises:
            TrainingError: arrays that do not fit the classes or are not finite, fewer than two classes, class names
                that repeat, a scale that is not positive, or a keyword that is no class.
        """
        names = list(class_names)
        if weight.ndim != 2 or len(weight) != len(names) or bias.shape != (len(names),):
            raise TrainingError(
                f"a softmax of {len(names)} classes needs weight [{len(names)}, dim] and bias [{len(names)}], "
                f"not {list(weight.shape)} and {list(bias.shape)}"
            )
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise TrainingError(f"classes of the softmax are named twice: {', '.join(repeated)}")
        missing = sorted(set(keywords) - set(names))
        if missing or not keywords:
            raise TrainingError(f"keywords that are no class of the softmax: {', '.join(missing) or 'none was named'}")
        if len(names) < 2 or not 0 < scale < np.inf:
            raise TrainingError(f"a softmax needs two classes and a positive scale, not {len(names)} and {scale}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise TrainingError("the weight or the bias of the softmax contains values that are not finite")
        order = [names.index(keyword) for keyword in keywords]
        order += [place for place, name in enumerate(names) if name not in keywords]
        rows = weight[order].astype(np.float64)
        if normalised:
            rows = _unit(rows)
        return cls(keywords, (scale * rows).astype(np.float32), bias[order].astype(np.float32), normalised)

    @classmethod
    def fit(
        cls,
        embeddings: NDArray[np.float32],
        labels: NDArray[np.str_],
        keywords: tuple[str, ...],
        *,
        c: float = 1.0,
        balanced: bool = False,
    ) -> Self:
        """Multinomial logistic regression on L2-normalised `embeddings [n, dim]` and their `labels [n]`.

        All other labels are one more class. `c` is the inverse of the strength of the L2 penalty on the weights; with
        `balanced` every class weighs as much as any other, however many segments it has (Arora et al.: class-weighted
        cross-entropy). Raises `TrainingError` for a keyword without segments, when there is nothing to tell a single
        keyword from, and for a `c` that is not positive.
        """
        check_training_data(embeddings, labels, keywords, "training")
        if not c > 0:
            raise TrainingError(f"c of the softmax must be positive, not {c}")
        targets = np.full(len(labels), len(keywords))
        for k, keyword in enumerate(keywords):
            targets[labels == keyword] = k
        classes = int(targets.max()) + 1
        if classes < 2:
            raise TrainingError(f"every training segment is {keywords[0]!r}: a softmax needs segments of other labels")
        from sklearn.linear_model import LogisticRegression  # here: a spotter in service scores without scikit-learn

        unit = _unit(embeddings.astype(np.float64))
        weighting = "balanced" if balanced else None
        model = LogisticRegression(C=c, class_weight=weighting, max_iter=5000, tol=1e-6).fit(unit, targets)
        weight, bias = model.coef_, model.intercept_
        if classes == 2:  # scikit-learn keeps the second class only: its logit above that of the first
            weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
        return cls(keywords, weight.astype(np.float32), bias.astype(np.float32), normalised=True)

    def log_posteriors(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log probabilities `[n, classes]` of `embeddings [n, dim]`, the keywords first.

        Raises `EvaluationError` on another dim.
        """
        check_embeddings(embeddings, self.weight.shape[1])
        rows = embeddings.astype(np.float64)
        if self.normalised:
            rows = _unit(rows)
        logits = rows @ self.weight.T.astype(np.float64) + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        log_posteriors: NDArray[np.float64] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return log_posteriors

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log posteriors `[n, keywords]` of `embeddings [n, dim]`; raises `EvaluationError` on another dim."""
        return self.log_posteriors(embeddings)[:, : len(self.keywords)].astype(np.float32)

    def decide(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """The index `[n]` of the most probable class if it is a keyword, else -1; of equal ones the first wins.

        Raises `EvaluationError` on another dim.
        """
        best = self.log_posteriors(embeddings).argmax(axis=1)
        return np.where(best < len(self.keywords), best, -1).astype(np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`weight [classes, dim]`, `bias [classes]` and `normalised [1]`, to be saved."""
        return {"weight": self.weight, "bias": self.bias, "normalised": np.array([self.normalised])}

    @classmethod
    def from_arrays(cls, keywords: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The back end of saved `arrays`; raises `BundleError` when they do not fit the keywords."""
        weight = named_array(arrays, "weight", (None, None)).astype(np.float32, copy=False)
        bias = named_array(arrays, "bias", (len(weight),)).astype(np.float32, copy=False)
        if len(weight) < max(2, len(keywords)):
            raise BundleError(
                f"array 'weight' has {len(weight)} classes, too few for a softmax of {len(keywords)} keywords"
            )
        return cls(keywords, weight, bias, bool(named_array(arrays, "normalised", (1,))[0]))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _NORM_FLOOR)
    return unit
