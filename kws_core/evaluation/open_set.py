"""Closed and open set: which keyword a segment is taken for, and what is taken for a keyword that is none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.confusable import confusable_pairs
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.evidence import few_speakers, no_errors
from kws_core.evaluation.keyword_ranking import keyword_ranking
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap, share

REJECTED = "<rejected>"
RATIOS = (1, 11)
"""Target segments for each unseen non-target one, as Huh et al. weight them."""
SHOWN = 20
NOTHING = Estimate(float("nan"), float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class KeywordAccuracy:
    """How often one keyword is recognised."""

    keyword: str
    closed: Estimate
    """Among the keywords alone: the best score is its own."""
    open: Estimate
    """At the calibrated thresholds."""


@dataclass(frozen=True)
class Confusion:
    """Segments of one label that were taken for something else; `heard` is a keyword or `REJECTED`."""

    label: str
    heard: str
    segments: int
    share: float
    """Of the segments of the label."""


@dataclass(frozen=True)
class ConfusableWord:
    """A word that sounds like a keyword, and how often it is accepted as it."""

    keyword: str
    word: str
    distance: float
    accepted: Estimate


@dataclass(frozen=True)
class OpenSetSummary:
    """One back end on all test segments, with 95 % intervals over speakers.

    Source: Huh et al. 2020 (arXiv 2005.08776): total accuracy and mAP of targets and unseen non-targets at a ratio.
    """

    test_set: str
    backend: str
    segments: int
    speakers: int
    hours: float
    closed_accuracy: Estimate
    totals: dict[str, Estimate]
    """By ratio, such as `11:1`: (ratio x target accuracy + unseen non-target accuracy) / (ratio + 1)."""
    mean_average_precision: dict[str, Estimate]
    """By ratio: of targets and unseen non-targets, ranked by each keyword's score; the mean over keywords."""
    keywords: tuple[KeywordAccuracy, ...]
    matrix: tuple[tuple[int, ...], ...]
    """`[keywords + 1, keywords + 1]` segments by true and decided keyword; last: non-targets, and rejected."""
    confusions: tuple[Confusion, ...]
    """The most frequent ones."""
    confusable: tuple[ConfusableWord, ...]
    """Words of the test that sound like a keyword, the nearest first."""
    remarks: tuple[str, ...] = ()


def summarise_open_set(
    scores: NDArray[np.floating[Any]],
    decisions: NDArray[np.integer[Any]],
    labels: NDArray[np.str_],
    unseen: NDArray[np.bool_],
    speakers: NDArray[np.str_],
    keywords: tuple[str, ...],
    *,
    test_set: str,
    backend: str,
    hours: float = float("nan"),
    most_distance: float = 0.35,
    replicates: int = 200,
    seed: int = 0,
) -> OpenSetSummary:
    """Recognition of `keywords` among all words.

    Args:
        scores: `[segments, keywords]`.
        decisions: `[segments]`: a keyword's index, or -1 for rejected.
        labels: `[segments]`.
        unseen: `[segments]`: labels that training never used.
        speakers: `[segments]`.
        keywords: the targets.
        test_set: its name.
        backend: its name.
        hours: of the words.
        most_distance: between words that sound alike, see `confusable`.
        replicates: resamplings of the speakers.
        seed: of them.

    Raises:
        EvaluationError: without segments, or a score is NaN.
    """
    places = {keyword: number for number, keyword in enumerate(keywords)}
    truth = np.array([places.get(label, -1) for label in labels.tolist()], np.int64)
    draws = SpeakerBootstrap(speakers, replicates, seed)
    target = truth >= 0
    closed = np.asarray(scores).argmax(axis=1) == truth
    correct = decisions == truth

    def estimate(hits: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Estimate:
        if not counted.any():
            return NOTHING
        return draws.estimate(share(hits, counted, speakers, draws), int(counted.sum()))

    totals, precisions = dict.fromkeys(_RATIO_NAMES, NOTHING), dict.fromkeys(_RATIO_NAMES, NOTHING)
    ranked = target | unseen
    if target.any() and unseen.any():
        own, others = (share(correct, counted, speakers, draws) for counted in (target, unseen))
        for ratio, name in zip(RATIOS, _RATIO_NAMES, strict=True):
            totals[name] = draws.estimate(total_accuracy(own, others, ratio), int(ranked.sum()))
            found, _ = keyword_ranking(scores[ranked], truth[ranked], speakers[ranked], draws, ratio)
            precisions[name] = draws.estimate(found, int(ranked.sum()))
    confusable = tuple(
        ConfusableWord(keyword, word, distance, estimate(decisions == places[keyword], labels == word))
        for keyword, word, distance in _confusable(labels, keywords, most_distance)
    )
    return OpenSetSummary(
        test_set,
        backend,
        segments=len(labels),
        speakers=len(draws.speakers),
        hours=hours,
        closed_accuracy=estimate(closed, target),
        totals=totals,
        mean_average_precision=precisions,
        keywords=tuple(
            KeywordAccuracy(keyword, estimate(closed, truth == number), estimate(correct, truth == number))
            for number, keyword in enumerate(keywords)
        ),
        matrix=_matrix(truth, decisions, len(keywords)),
        confusions=_confusions(labels, truth, decisions, keywords),
        confusable=confusable,
        remarks=(
            *few_speakers(len(draws.speakers)),
            *no_errors("false accepts", int((~target & (decisions >= 0)).sum()), int((~target).sum())),
            *no_errors("keywords missed", int((target & ~correct).sum()), int(target.sum())),
            *(() if unseen.any() else ("no word of the test is new to the model: nothing shows how it rejects those",)),
            *(() if confusable else ("no word of the test sounds like a keyword",)),
        ),
    )


_RATIO_NAMES = tuple(f"{ratio}:1" for ratio in RATIOS)


def total_accuracy(target: Figure, non_target: Figure, ratio: float) -> Figure:
    """Accuracy over a test set that holds `ratio` target segments for each non-target one."""
    total: Figure = (ratio * target + non_target) / (ratio + 1)
    return total


def _matrix(truth: NDArray[np.int64], decisions: NDArray[Any], keywords: int) -> tuple[tuple[int, ...], ...]:
    counts = np.zeros((keywords + 1, keywords + 1), np.int64)
    np.add.at(counts, (truth, decisions), 1)  # -1 is the last
    return tuple(tuple(row) for row in counts.tolist())


def _confusions(
    labels: NDArray[np.str_], truth: NDArray[np.int64], decisions: NDArray[Any], keywords: Sequence[str]
) -> tuple[Confusion, ...]:
    wrong = np.flatnonzero(truth != decisions)
    sizes = Counter(labels.tolist())
    heard = [*keywords, REJECTED]
    counts = Counter(
        (label, heard[decided])
        for label, decided in zip(labels[wrong].tolist(), decisions[wrong].tolist(), strict=True)
    )
    worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return tuple(Confusion(label, taken, count, count / sizes[label]) for (label, taken), count in worst)


def _confusable(
    labels: NDArray[np.str_], keywords: Sequence[str], most_distance: float
) -> list[tuple[str, str, float]]:
    """Keyword, word and distance of the words of the test that sound like a keyword."""
    names, counts = np.unique(labels, return_counts=True)
    others = [name for name in names[np.argsort(-counts, kind="stable")].tolist() if name not in keywords]
    found = []
    for pair in confusable_pairs([*keywords, *others], most_distance, of=keywords):
        for keyword, word in ((pair.left, pair.right), (pair.right, pair.left)):
            if keyword in keywords and word not in keywords:
                found.append((keyword, word, pair.distance))
    return found[:SHOWN]
