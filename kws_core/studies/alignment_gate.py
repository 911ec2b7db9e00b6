"""The alignment gate against wrong transcripts: what they cost, and what the gate wins back.

Jung et al. 2022 found the filtering of bad alignments decisive. Here a share of the training utterances gets the
transcript of another one; encoders are trained with the gate and without and compared on right test pairs.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.alignment_gate import MEASURES
from kws_core.config import TrainingSpec
from kws_core.studies.alignment_gate_config import AlignmentGateStudyConfig
from kws_core.studies.alignment_gate_data import GateData, gate_data
from kws_core.studies.alignment_gate_table import GATED, UNGATED, gate_table, method_name
from kws_core.studies.data import StudyData
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, Results
from kws_core.studies.table import StudyTable
from kws_core.studies.trial_scores import trial_scores


class AlignmentGateStudy:
    """Training with and without the gate at several shares of wrong transcripts."""

    name = "alignment_gate"
    title = "The alignment gate against shuffled transcripts"
    version = 1
    table_version = 1
    config_type = AlignmentGateStudyConfig

    def cells(self, config: AlignmentGateStudyConfig) -> list[Cell]:
        """Every share with the gate and without it, with every seed, seed by seed."""
        return [
            Cell(method=method_name(share, gate), seed=seed, parameters={"share": share, "gate": gate})
            for seed in range(config.seeds)
            for share in config.shares
            for gate in (UNGATED, GATED)
        ]

    def run_cell(self, data: StudyData, cell: Cell, config: AlignmentGateStudyConfig, device: str) -> CellResult:
        """Shuffle, align, judge, train and test; the seed draws which transcripts are wrong, too."""
        from kws_core.training import fit  # here: the table does not need it

        given = gate_data(data, config, float(cell.parameters["share"]), cell.seed)
        training = given.training
        if cell.parameters["gate"] == GATED:
            rejected = given.rows[given.outcome.rejected]
            training = replace(training, train=training.train[~np.isin(training.train, rejected)])
        spec = TrainingSpec(
            features=config.features,
            encoder=config.encoder,
            loss=config.loss,
            training=config.training,
            augmentation=config.augmentation,
        )
        trained = fit(training, spec, cell.seed, device=device, judged_by="trials")
        scores = trial_scores(trained.encoder, training, data.speakers, given.tests.tests, device)
        size = np.array([len(training.train), training.classes])
        return CellResult({"training": size, **_judgement(given), **scores})

    def table(self, results: Results, config: AlignmentGateStudyConfig) -> StudyTable:
        """EER with the gate and without, what the gate finds, and how well each measure tells wrong words."""
        return gate_table(results, config)


def _judgement(given: GateData) -> dict[str, NDArray[Any]]:
    """What the gate says of every training word of a share: measures, whether rejected, and the truth."""
    names = np.array(given.outcome.table["utterance_id"].to_pylist(), np.str_)
    arrays: dict[str, NDArray[Any]] = {
        "shuffled": given.shuffled,
        "rejected": given.outcome.rejected,
        "speakers": given.speakers,
        "utterances": np.unique(names, return_inverse=True)[1].astype(np.int32),
        "unaligned": np.array(given.unaligned),
    }
    for measure in MEASURES:
        values = measure.values(given.outcome.table)
        scaled = measure.scaled(values)
        known = scaled[np.isfinite(scaled)]
        centre = float(np.median(known)) if len(known) else 0.0
        arrays[f"measure {measure.name}"] = measure.suspicion(values, centre).astype(np.float32)
    return arrays


STUDY = AlignmentGateStudy()
