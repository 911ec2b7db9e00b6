"""The table of the study `huh2020`: accuracies at two ratios, mAP, AUC, and the change from softmax."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.keyword_ranking import keyword_ranking
from kws_core.evaluation.open_set import total_accuracy
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap, seed_mean, share
from kws_core.studies.huh2020_config import Decision, Huh2020Config
from kws_core.studies.huh2020_rows import SEEN, TARGET, UNSEEN
from kws_core.studies.result import CellResult
from kws_core.studies.study import Results, by_method
from kws_core.studies.table import Claim, StudyColumn, StudyRow, StudyTable, judge_claim

RATIOS = (1, 11)
TARGET_LOSS_ALLOWED = 0.015
TEST_SETS = {False: "Non-targets: isolated words", True: "Non-targets: words of sentences"}
COLUMNS = (
    StudyColumn("target", "Target accuracy"),
    StudyColumn("unseen", "Unseen non-target accuracy"),
    StudyColumn("seen", "Seen non-target accuracy"),
    *(StudyColumn(f"total_{ratio}_to_1", f"Total at {ratio}:1") for ratio in RATIOS),
    StudyColumn("map", "mAP at 1:1"),
    StudyColumn("auc", "AUC at 1:1"),
    StudyColumn("target_change", "Target, change", "points"),
    StudyColumn("unseen_change", "Unseen non-target, change", "points"),
    *(StudyColumn(f"total_{ratio}_to_1_change", f"Total at {ratio}:1, change", "points") for ratio in RATIOS),
)
CHANGES = ("target", "unseen", *(f"total_{ratio}_to_1" for ratio in RATIOS))


@dataclass(frozen=True)
class _Row:
    figures: dict[str, Figure]
    counts: dict[str, int]


def huh_table(results: Results, config: Huh2020Config) -> StudyTable:
    """Every method and decision on non-targets of isolated words and of sentences, against the baseline."""
    grouped = by_method(results)
    draws = SpeakerBootstrap(np.concatenate([result["speakers"] for _, result in results]), config.replicates)
    rows, claims = [], []
    for sentence, test_set in TEST_SETS.items():
        if not any(((found["part"] == UNSEEN) & (found["sentence"] == sentence)).any() for _, found in results):
            continue
        measured = {
            (method, decision): _measure(grouped[method], decision, sentence, draws)
            for method, chosen in config.methods.items()
            for decision in chosen.decisions
        }
        baseline = measured[config.baseline, config.methods[config.baseline].decisions[0]]
        for row in measured.values():
            if row is not baseline:
                for name in CHANGES:
                    row.figures[f"{name}_change"] = row.figures[name] - baseline.figures[name]
                    row.counts[f"{name}_change"] = row.counts[name]
        for (method, decision), row in measured.items():
            shown = {name: draws.estimate(figure, row.counts[name]) for name, figure in row.figures.items()}
            rows.append(StudyRow(f"{method}, {decision}", test_set, shown))
            if (method, decision) == (config.candidate, "svm"):
                claims += _claims(shown, config, sentence)
    return StudyTable(COLUMNS, tuple(rows), tuple(claims), _notes(results[0][1], config, draws))


def _measure(cells: list[CellResult], decision: Decision, sentence: bool, draws: SpeakerBootstrap) -> _Row:
    by_seed: dict[str, list[Figure]] = {}
    segments: dict[str, set[str]] = {}

    def add(name: str, figure: Figure, counted: NDArray[np.str_]) -> None:
        by_seed.setdefault(name, []).append(figure)
        segments.setdefault(name, set()).update(counted.tolist())

    for cell in cells:
        part, speakers, target = cell["part"], cell["speakers"], cell["target"].astype(np.int64)
        own: NDArray[np.bool_] = (part == TARGET) | (cell["sentence"] == sentence)
        correct = cell[f"decisions {decision}"] == target
        for name, wanted in (("target", TARGET), ("unseen", UNSEEN), ("seen", SEEN)):
            counted = own & (part == wanted)
            if counted.any():
                add(name, share(correct, counted, speakers, draws), cell["segments"][counted])
        ranked = own & (part != SEEN)
        for ratio in RATIOS:
            total = total_accuracy(by_seed["target"][-1], by_seed["unseen"][-1], ratio)
            add(f"total_{ratio}_to_1", total, cell["segments"][ranked])
        scores = cell[f"scores {decision}"][ranked]
        for name, figure in zip(
            ("map", "auc"), keyword_ranking(scores, target[ranked], speakers[ranked], draws), strict=True
        ):
            add(name, figure, cell["segments"][ranked])
    figures = {name: seed_mean(found) for name, found in by_seed.items()}
    return _Row(figures, {name: len(found) for name, found in segments.items()})


def _claims(shown: dict[str, Estimate], config: Huh2020Config, sentence: bool) -> list[Claim]:
    of = "words of sentences" if sentence else "isolated words"
    versus = f"{config.candidate} with SVM against {config.baseline} with softmax, {of}"
    claims = [
        judge_claim(
            f"More unseen non-targets are rejected: {versus}",
            "about 20 points more (second-hand figure)",
            shown["unseen_change"],
        ),
        judge_claim(
            f"Total accuracy at 1:1 is higher: {versus}",
            "about 10 points more (second-hand figure)",
            shown["total_1_to_1_change"],
        ),
    ]
    if not sentence:
        claims.append(
            judge_claim(
                f"Target accuracy falls by less than {100 * TARGET_LOSS_ALLOWED:g} points: {versus}",
                "about 1 point less (second-hand figure)",
                shown["target_change"],
                -TARGET_LOSS_ALLOWED,
            )
        )
    return claims


def _notes(first: CellResult, config: Huh2020Config, draws: SpeakerBootstrap) -> tuple[str, ...]:
    trained, targets = first["training_segments"].tolist()
    folds = (
        " Every seed tests other speakers; the count of training segments is the first's."
        if config.rotate_speakers
        else ""
    )
    return (
        f"Trained on {targets:,} segments of {len(config.targets)} targets and {trained - targets:,} of seen "
        f"non-targets; tested on {len(draws.speakers):,} speakers, none of them heard in the same training.{folds}",
        "Every method hears about the same number of training segments an epoch; AP-FC in smaller batches.",
        "A total at R:1 is (R x target accuracy + unseen non-target accuracy) / (R + 1): the test set weighted to R "
        "target segments for each non-target one.",
        "mAP and AUC rank all target and unseen non-target segments, weighted 1:1, by each keyword's score (softmax: "
        "log posterior, centroid: cosine, SVM: decision value), and are means over keywords.",
        f"Changes are differences from {config.baseline}, {config.methods[config.baseline].decisions[0]}, over the "
        "same resampled speakers.",
        "Decision centroid: the nearest centroid, that of all non-targets included. Decision svm: one-vs-rest SVMs, "
        "rejected by all is a non-target.",
    )
