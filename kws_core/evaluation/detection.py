"""Detection among unlimited other words: accuracy on keywords and on words that should be rejected."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.bootstrap import Estimate, interval, speaker_multiplicities


@dataclass(frozen=True)
class KeywordDetection:
    """How one keyword fared; `frr` is NaN where it has no segments, `far` where there are no others."""

    keyword: str
    segments: int
    frr: float
    """Share of its segments that were not decided as it."""
    false_accepts: int
    """Segments of anything else (other keywords included) that were decided as it."""
    far: float
    """The same as a share of everything else."""


@dataclass(frozen=True)
class DetectionSummary:
    """Accuracies of one test set, with 95 % bootstrap intervals over speakers and the segments each is counted on.

    Source: Huh et al. 2020 (arXiv 2005.08776): total, target and non-target accuracy.
    """

    test_set: str
    backend: str
    speakers: int
    total: Estimate
    """Keywords decided as themselves and non-targets rejected, of all segments."""
    target: Estimate
    """Keyword segments decided as their own keyword."""
    non_target: Estimate
    """Non-target segments that were rejected."""
    seen_non_target: Estimate
    """Of them, words that training used as non-targets."""
    unseen_non_target: Estimate
    """Of them, out-of-vocabulary words, never trained on."""
    keywords: tuple[KeywordDetection, ...]


def summarise_detection(
    decisions: NDArray[np.integer[Any]],
    keyword_index: NDArray[np.integer[Any]],
    out_of_vocabulary: NDArray[np.bool_],
    speakers: NDArray[np.str_],
    keywords: tuple[str, ...],
    *,
    test_set: str,
    backend: str,
    replicates: int = 200,
    seed: int = 0,
) -> DetectionSummary:
    """Accuracies of `decisions [segments]` (a keyword's index, or -1 for rejected) against `keyword_index [segments]`.

    `keyword_index` is -1 for non-targets; `out_of_vocabulary [segments]` marks those never trained on. The bootstrap
    draws speakers with replacement, each with all its segments. Raises `EvaluationError` when there are no keyword
    segments or no non-targets, for indexes beyond the keywords, or lengths that differ.
    """
    _check(decisions, keyword_index, out_of_vocabulary, speakers, keywords, test_set)
    target = keyword_index >= 0
    correct = decisions == keyword_index
    names, codes = np.unique(speakers, return_inverse=True)
    drawn = speaker_multiplicities(len(names), replicates, seed) if replicates else np.zeros((0, len(names)), np.int64)

    def estimate(counted: NDArray[np.bool_]) -> Estimate:
        hits = np.bincount(codes, weights=correct & counted, minlength=len(names))
        sizes = np.bincount(codes, weights=counted, minlength=len(names))
        with np.errstate(invalid="ignore"):
            value = np.divide(hits.sum(), sizes.sum())
            low, high = interval((drawn @ hits) / (drawn @ sizes), len(names))
        return Estimate(float(value), low, high, int(sizes.sum()))

    return DetectionSummary(
        test_set,
        backend,
        speakers=len(names),
        total=estimate(np.ones_like(target)),
        target=estimate(target),
        non_target=estimate(~target),
        seen_non_target=estimate(~target & ~out_of_vocabulary),
        unseen_non_target=estimate(~target & out_of_vocabulary),
        keywords=tuple(_keyword(word, k, decisions, keyword_index) for k, word in enumerate(keywords)),
    )


def _keyword(word: str, k: int, decisions: NDArray[Any], keyword_index: NDArray[Any]) -> KeywordDetection:
    own, accepted = keyword_index == k, decisions == k
    segments, others, false_accepts = int(own.sum()), int((~own).sum()), int((accepted & ~own).sum())
    return KeywordDetection(
        word,
        segments,
        frr=int((own & ~accepted).sum()) / segments if segments else float("nan"),
        false_accepts=false_accepts,
        far=false_accepts / others if others else float("nan"),
    )


def _check(
    decisions: NDArray[Any],
    keyword_index: NDArray[Any],
    out_of_vocabulary: NDArray[Any],
    speakers: NDArray[Any],
    keywords: tuple[str, ...],
    test_set: str,
) -> None:
    if not len(decisions) == len(keyword_index) == len(out_of_vocabulary) == len(speakers):
        raise EvaluationError(
            f"test set {test_set!r} has {len(decisions)} decisions, {len(keyword_index)} keyword indexes, "
            f"{len(out_of_vocabulary)} out_of_vocabulary and {len(speakers)} speakers: all must be one per segment"
        )
    for name, indexes in (("decisions", decisions), ("keyword indexes", keyword_index)):
        if len(indexes) and not (indexes.min() >= -1 and indexes.max() < len(keywords)):
            raise EvaluationError(
                f"test set {test_set!r}: {name} must lie in -1 to {len(keywords) - 1}, "
                f"not {indexes.min()} to {indexes.max()}"
            )
    if not (keyword_index >= 0).any():
        raise EvaluationError(f"test set {test_set!r} has no keyword segments: target accuracy is undefined")
    if not (keyword_index < 0).any():
        raise EvaluationError(f"test set {test_set!r} has no non-target segments: non-target accuracy is undefined")
    if (np.asarray(out_of_vocabulary) & (keyword_index >= 0)).any():
        raise EvaluationError(f"test set {test_set!r} marks keyword segments as out of vocabulary")
