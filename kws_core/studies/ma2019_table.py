"""The table of the study `ma2019`: FRR at a FAR and EER on pair lists, and their reduction against softmax."""

import numpy as np

from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.det import DetCurve, det_curve, frr_at_far
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap, relative_reduction, seed_mean
from kws_core.evaluation.trial_figures import eer_and_frr
from kws_core.studies.ma2019_config import Ma2019Config
from kws_core.studies.ma2019_data import DEVELOPMENT
from kws_core.studies.result import CellResult
from kws_core.studies.study import Results, by_method
from kws_core.studies.table import Claim, StudyColumn, StudyRow, StudyTable, judge_claim

SOFTMAX, NORMALISATION, MARGIN = "softmax", "normalisation", "normalisation + margin"
PAPER = {
    (NORMALISATION, "in-vocabulary"): 60.20,
    (NORMALISATION, "out-of-vocabulary"): 57.97,
    (NORMALISATION, "cross-corpus"): 20.93,
    (MARGIN, "in-vocabulary"): 79.86,
    (MARGIN, "out-of-vocabulary"): 68.03,
    (MARGIN, "cross-corpus"): 46.60,
}
"""Relative FRR reduction at FAR 2 % in per cent, Ma et al.; the margin is 0.2."""


def ma_table(results: Results, config: Ma2019Config) -> StudyTable:
    """Every loss on every test pair list; the margin of the claims is chosen on development pairs."""
    grouped = by_method(results)
    first = results[0][1]
    chosen = best_margin(grouped, config)
    columns = (
        StudyColumn("frr", f"FRR at FAR {100 * config.far:g} %"),
        StudyColumn("eer", "EER"),
        StudyColumn("frr_reduction", "FRR reduction against softmax"),
        StudyColumn("eer_reduction", "EER reduction against softmax"),
        StudyColumn("development_frr", "Development FRR"),
    )
    rows: list[StudyRow] = []
    claims: list[Claim] = []
    for name in test_lists(first):
        count = len(first[f"scores {name}"])
        draws = SpeakerBootstrap(np.concatenate([first[f"left {name}"], first[f"right {name}"]]), config.replicates)
        measured = {method: _measure(cells, name, draws, config.far) for method, cells in grouped.items()}
        for method, (frr, eer) in measured.items():
            figures = {"frr": draws.estimate(frr, count), "eer": draws.estimate(eer, count)}
            if method != SOFTMAX:
                reduced = (relative_reduction(frr, measured[SOFTMAX][0]), relative_reduction(eer, measured[SOFTMAX][1]))
                figures["frr_reduction"], figures["eer_reduction"] = (draws.estimate(value, count) for value in reduced)
            figures["development_frr"] = _without_interval(development_frr(grouped[method], config.far))
            mark = " (chosen)" if method == chosen else ""
            rows.append(StudyRow(f"{method}{mark}", name, figures))
            if method in (NORMALISATION, chosen):
                claims.append(_claim(method, name, figures["frr_reduction"], config))
    curves = {name: _curves(grouped, name, chosen) for name in test_lists(first)}
    return StudyTable(columns, tuple(rows), tuple(claims), _notes(first, chosen, config), curves)


def best_margin(grouped: dict[str, list[CellResult]], config: Ma2019Config) -> str:
    """The method with margin whose development FRR, mean over seeds and both vocabularies, is least."""
    methods = [method for method in grouped if method.startswith(MARGIN)]
    return min(methods, key=lambda method: development_frr(grouped[method], config.far))


def development_frr(cells: list[CellResult], far: float) -> float:
    """FRR at a FAR on development pairs, mean over seeds and pair lists."""
    names = [name for name in _lists(cells[0]) if name.startswith(DEVELOPMENT)]
    return float(np.mean([frr_at_far(cell[f"scores {n}"], cell[f"same {n}"], far) for cell in cells for n in names]))


def test_lists(result: CellResult) -> list[str]:
    """Names of the test pair lists."""
    return [name for name in _lists(result) if not name.startswith(DEVELOPMENT)]


def _lists(result: CellResult) -> list[str]:
    order = {"in-vocabulary": 0, "out-of-vocabulary": 1}
    names = [name.removeprefix("scores ") for name in result.arrays if name.startswith("scores ")]
    return sorted(names, key=lambda name: (order.get(name.removeprefix(DEVELOPMENT), 2), name))


def _measure(cells: list[CellResult], name: str, draws: SpeakerBootstrap, far: float) -> tuple[Figure, Figure]:
    """FRR and EER on one pair list, means over seeds."""
    both = []
    for cell in cells:
        scores, same, left, right = (cell[f"{part} {name}"] for part in ("scores", "same", "left", "right"))
        both.append(eer_and_frr(scores, same, left, right, draws, far))
    return seed_mean([frr for _, frr in both]), seed_mean([eer for eer, _ in both])


def _curves(grouped: dict[str, list[CellResult]], name: str, chosen: str) -> dict[str, DetCurve]:
    """DET curves of the first seed."""
    methods = (SOFTMAX, NORMALISATION, chosen)
    return {
        method: det_curve(grouped[method][0][f"scores {name}"], grouped[method][0][f"same {name}"])
        for method in methods
    }


def _claim(method: str, name: str, reduction: Estimate, config: Ma2019Config) -> Claim:
    kind = MARGIN if method.startswith(MARGIN) else NORMALISATION
    reported = PAPER[kind, "cross-corpus" if name.startswith("cross-corpus") else name]
    margin = " (margin 0.2)" if kind == MARGIN else ""
    return judge_claim(
        f"{method[0].upper()}{method[1:]} lowers FRR at FAR {100 * config.far:g} % against softmax, {name} pairs",
        f"{reported:.2f} % less{margin}",
        reduction,
        unit="%",
    )


def _without_interval(value: float) -> Estimate:
    return Estimate(value, float("nan"), float("nan"), 0)


def _notes(first: CellResult, chosen: str, config: Ma2019Config) -> tuple[str, ...]:
    segments, classes = first["training"].tolist()
    policy = "different speakers" if config.selection.speaker_policy == "cross" else "any speakers"
    return (
        f"Trained on {segments:,} segments of {classes:,} labels. Trials pair {policy}, half of them one label.",
        f"The margin was chosen on development pairs: {chosen}. (The paper chose it on out-of-vocabulary test pairs.)",
        "Reductions are 1 - figure / figure of softmax, over the same resampled speakers. In a replicate "
        "a trial weighs the product of its two speakers' multiplicities.",
        "DET curves are those of seed 0.",
    )
