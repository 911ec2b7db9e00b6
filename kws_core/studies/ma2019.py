"""Hypersphere embedding and additive margin (Ma et al.): does each of them lower the FRR of unseen pairs?

Softmax, normalisation (m = 0) and normalisation with margin are trained on the same words and compared on pair lists.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.config import LossConfig, TrainingSpec
from kws_core.evaluation.trials import score_pairs
from kws_core.studies.data import StudyData
from kws_core.studies.ma2019_config import Ma2019Config
from kws_core.studies.ma2019_data import ma_data
from kws_core.studies.ma2019_table import MARGIN, NORMALISATION, SOFTMAX, ma_table
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, Results
from kws_core.studies.table import StudyTable


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
        import torch  # here: the table needs neither

        from kws_core.training import fit
        from kws_core.training.judge import embed_rows

        given = ma_data(data, config)
        trained = fit(given.training, training_spec(config, cell), cell.seed, device=device, judged_by="trials")
        arrays: dict[str, NDArray[Any]] = {
            "training": np.array([len(given.training.train), given.training.classes]),
        }
        for name, (left, right, same) in {**given.training.trials, **given.tests}.items():
            rows = np.unique(np.concatenate([left, right]))
            raw = embed_rows(trained.encoder, given.training, rows, torch.device(device))
            unit = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), np.float32(1e-12))
            arrays[f"scores {name}"] = score_pairs(unit, np.searchsorted(rows, left), np.searchsorted(rows, right))
            arrays[f"same {name}"] = same
            arrays[f"left {name}"], arrays[f"right {name}"] = data.speakers[left], data.speakers[right]
        return CellResult(arrays)

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
