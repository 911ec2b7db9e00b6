"""Hypersphere embedding and additive margin (Ma et al.): does each of them lower the FRR of unseen pairs?

Softmax, normalisation (m = 0) and normalisation with margin are trained on the same words and compared on pair lists.
"""

import numpy as np

from kws_core.config import LossConfig, TrainingSpec
from kws_core.studies.data import StudyData
from kws_core.studies.ma2019_config import Ma2019Config
from kws_core.studies.ma2019_data import ma_data
from kws_core.studies.ma2019_table import MARGIN, NORMALISATION, SOFTMAX, ma_table
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, Results
from kws_core.studies.table import StudyTable
from kws_core.studies.trial_scores import trial_scores


class Ma2019:
    """Softmax against normalisation against an additive margin."""

    name = "ma2019"
    title = "Hypersphere embedding and additive margin (Ma et al. 2019)"
    version = 1
    table_version = 1
    config_type = Ma2019Config

    def cells(self, config: Ma2019Config) -> list[Cell]:
        """Softmax, normalisation and every margin with every seed, seed by seed."""
        methods: list[tuple[str, dict[str, float | str]]] = [(SOFTMAX, {}), (NORMALISATION, {"margin": 0.0})]
        methods += [(f"{MARGIN} {margin:g}", {"margin": margin}) for margin in config.margins]
        return [
            Cell(method=method, seed=seed, parameters=parameters)
            for seed in range(config.seeds)
            for method, parameters in methods
        ]

    def run_cell(self, data: StudyData, cell: Cell, config: Ma2019Config, device: str) -> CellResult:
        """Train one loss with one seed; cosines of every development and test trial."""
        from kws_core.training import fit  # here: the table does not need it

        given = ma_data(data, config)
        trained = fit(given.training, training_spec(config, cell), cell.seed, device=device, judged_by="trials")
        trials = {**given.training.trials, **given.tests}
        scores = trial_scores(trained.encoder, given.training, data.speakers, trials, device)
        return CellResult({"training": np.array([len(given.training.train), given.training.classes]), **scores})

    def table(self, results: Results, config: Ma2019Config) -> StudyTable:
        """FRR at the reported FAR, EER and their reduction against softmax, on every test pair list."""
        return ma_table(results, config)


def training_spec(config: Ma2019Config, cell: Cell) -> TrainingSpec:
    """What a cell is trained with."""
    loss = LossConfig(name="softmax")
    if "margin" in cell.parameters:
        margin = float(cell.parameters["margin"])
        name = "am_softmax" if margin else "normalised_softmax"
        loss = LossConfig(name=name, scale=config.scale, margin=margin, margin_ramp_epochs=config.margin_ramp_epochs)
    return TrainingSpec(
        features=config.features,
        encoder=config.encoder,
        loss=loss,
        training=config.training,
        augmentation=config.augmentation,
    )


STUDY = Ma2019()
