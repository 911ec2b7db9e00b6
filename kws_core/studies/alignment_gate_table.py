"""The table of the study `alignment_gate`."""

import numpy as np
from numpy.typing import NDArray

from kws_core.alignment_gate import MEASURES
from kws_core.evaluation.keyword_ranking import keyword_ranking
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap, relative_reduction, seed_mean, share
from kws_core.evaluation.trial_figures import eer_and_frr
from kws_core.studies.alignment_gate_config import AlignmentGateStudyConfig
from kws_core.studies.result import CellResult
from kws_core.studies.study import Results, by_method
from kws_core.studies.table import Claim, StudyColumn, StudyRow, StudyTable, judge_claim

UNGATED, GATED = "without gate", "with gate"
UTTERANCES, WORDS = "utterances", "words"
COLUMNS = (
    StudyColumn("eer", "EER"),
    StudyColumn("frr", "FRR at FAR 2 %"),
    StudyColumn("eer_reduction", "EER reduction by the gate"),
    StudyColumn("precision", "Precision"),
    StudyColumn("recall", "Recall"),
    StudyColumn("rejected_right", "Right ones rejected"),
    StudyColumn("auc", "AUC"),
)


def method_name(share_of_wrong: float, gate: str) -> str:
    """How a cell is called."""
    return f"{100 * share_of_wrong:g} % shuffled, {gate}"


def gate_table(results: Results, config: AlignmentGateStudyConfig) -> StudyTable:
    """EER on test pairs; precision and recall of the gate; AUC of each measure over words."""
    grouped = by_method(results)
    first = results[0][1]
    rows: list[StudyRow] = []
    claims: list[Claim] = []
    for name in [key.removeprefix("scores ") for key in first.arrays if key.startswith("scores ")]:
        count = len(first[f"scores {name}"])
        draws = SpeakerBootstrap(np.concatenate([first[f"left {name}"], first[f"right {name}"]]), config.replicates)
        for wrong in config.shares:
            plain, gated = (_errors(grouped[method_name(wrong, gate)], name, draws) for gate in (UNGATED, GATED))
            for gate, (eer, frr) in ((UNGATED, plain), (GATED, gated)):
                figures = {"eer": draws.estimate(eer, count), "frr": draws.estimate(frr, count)}
                if gate == GATED:
                    figures["eer_reduction"] = draws.estimate(relative_reduction(eer, plain[0]), count)
                rows.append(StudyRow(method_name(wrong, gate), f"{name} pairs", figures))
            if wrong:
                statement = f"The gate lowers EER with {100 * wrong:g} % of the transcripts shuffled, {name} pairs"
                claims.append(judge_claim(statement, "decisive (Jung et al.)", figures["eer_reduction"], unit="%"))
    for wrong in config.shares:
        rows += _findings(grouped[method_name(wrong, GATED)], wrong, config)
    return StudyTable(COLUMNS, tuple(rows), tuple(claims), _notes(grouped, config))


def _errors(cells: list[CellResult], name: str, draws: SpeakerBootstrap) -> tuple[Figure, Figure]:
    """EER and FRR at FAR 2 % on one pair list, means over seeds."""
    both = []
    for cell in cells:
        scores, same, left, right = (cell[f"{part} {name}"] for part in ("scores", "same", "left", "right"))
        both.append(eer_and_frr(scores, same, left, right, draws))
    return seed_mean([eer for eer, _ in both]), seed_mean([frr for _, frr in both])


def _findings(cells: list[CellResult], wrong: float, config: AlignmentGateStudyConfig) -> list[StudyRow]:
    """What the gate rejects, by utterance and by word, and the AUC of each measure, at one share."""
    draws = SpeakerBootstrap(np.concatenate([cell["speakers"] for cell in cells]), config.replicates)
    name, rows = f"{100 * wrong:g} % shuffled", []
    for unit in (UTTERANCES, WORDS):
        judged = [_units(cell, unit) for cell in cells]
        hits = [share(rejected & shuffled, rejected, who, draws) for rejected, shuffled, who in judged]
        found = [share(rejected, shuffled, who, draws) for rejected, shuffled, who in judged]
        lost = [share(rejected, ~shuffled, who, draws) for rejected, shuffled, who in judged]
        count = sum(len(who) for _, _, who in judged)
        figures = {"rejected_right": draws.estimate(seed_mean(lost), count)}
        if wrong:
            figures["precision"] = draws.estimate(seed_mean(hits), sum(int(r.sum()) for r, _, _ in judged))
            figures["recall"] = draws.estimate(seed_mean(found), sum(int(s.sum()) for _, s, _ in judged))
        rows.append(StudyRow(f"{name}, {unit}", "found by the gate", figures))
    if wrong:
        for measure in MEASURES:
            areas = [area for area in (_area(cell, measure.name, draws) for cell in cells) if area is not None]
            if len(areas) == len(cells):
                count = sum(int(np.isfinite(cell[f"measure {measure.name}"]).sum()) for cell in cells)
                figures = {"auc": draws.estimate(seed_mean(areas), count)}
                rows.append(StudyRow(measure.name, f"each measure alone, words, {name}", figures))
    return rows


def _units(cell: CellResult, unit: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.str_]]:
    """Rejected, shuffled and speaker of every word or utterance; an utterance is rejected when half its words are."""
    if unit == WORDS:
        return cell["rejected"], cell["shuffled"], cell["speakers"]
    _, first, places = np.unique(cell["utterances"], return_index=True, return_inverse=True)
    rejected = np.bincount(places, weights=cell["rejected"]) >= 0.5 * np.bincount(places)
    return rejected, cell["shuffled"][first], cell["speakers"][first]


def _area(cell: CellResult, measure: str, draws: SpeakerBootstrap) -> Figure | None:
    """Chance that a word of a wrong transcript is more suspicious than one of a right one; None where nobody has it."""
    scores, shuffled = cell[f"measure {measure}"], cell["shuffled"]
    known = np.isfinite(scores)
    if not (known & shuffled).any() or not (known & ~shuffled).any():
        return None
    truth = np.where(shuffled[known], 0, -1)
    return keyword_ranking(scores[known][:, None], truth, cell["speakers"][known], draws)[1]


def _notes(grouped: dict[str, list[CellResult]], config: AlignmentGateStudyConfig) -> tuple[str, ...]:
    worst = grouped[method_name(max(config.shares), GATED)]
    without = grouped[method_name(max(config.shares), UNGATED)][0]["training"].tolist()
    return (
        f"Without gate, {without[0]:,} segments of {without[1]:,} labels are trained on at "
        f"{100 * max(config.shares):g} % (seed 0), with gate {worst[0]['training'][0]:,}.",
        "Transcripts are dealt out among utterances of training speakers with about as many words. Test and "
        "development speakers have the right ones; test pairs join different speakers and are the same for all.",
        f"Of the utterances with a wrong transcript, {sum(int(cell['unaligned']) for cell in worst):,} gave no word at "
        f"{100 * max(config.shares):g} % (all seeds): the aligner or the cutting rules rejected them, gate or not.",
        "An utterance counts as found when half its words or more are rejected. AUC: the chance that a word of a wrong "
        "transcript looks worse than one of a right transcript, by one measure alone.",
    )
