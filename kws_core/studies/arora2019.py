"""Rare events under class imbalance (Arora et al. 2019): does clustered pre-training beat re-weighting and siamese?

Rare keywords among other words, and rare environmental sounds in noise and speech, at several imbalances.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.studies.arora2019_config import Arora2019Config
from kws_core.studies.arora2019_events import EventData, training_data
from kws_core.studies.arora2019_methods import METHODS, train_method
from kws_core.studies.arora2019_recordings import content
from kws_core.studies.arora2019_table import SOUNDS, WORDS, arora_table, cell_method
from kws_core.studies.arora2019_words import word_data
from kws_core.studies.data import StudyData
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, Results
from kws_core.studies.table import StudyTable


class Arora2019:
    """Cross-entropy, re-weighting and re-sampling against siamese and clustered pre-training."""

    name = "arora2019"
    title = "Rare events under class imbalance (Arora et al. 2019)"
    version = 1
    table_version = 1
    config_type = Arora2019Config

    def cells(self, config: Arora2019Config) -> list[Cell]:
        """Every method at every imbalance of every task with every seed, seed by seed.

        Cells of sounds hold the fingerprint of the recordings, which are read by the cell and not by the data stages.
        Raises `CorpusError` when those cannot be read.
        """
        tasks: dict[str, dict[str, float | str]] = {WORDS: {}}
        if config.sounds is not None:
            tasks[SOUNDS] = {"content": content(config.sounds)}
        return [
            Cell(
                method=cell_method(task, imbalance, method),
                seed=seed,
                parameters={"task": task, "imbalance": imbalance, "method": method, **more},
            )
            for seed in range(config.seeds)
            for task, more in tasks.items()
            for imbalance in config.imbalances
            for method in METHODS
        ]

    def run_cell(self, data: StudyData, cell: Cell, config: Arora2019Config, device: str) -> CellResult:
        """Train one method with one seed; log posteriors of every class for every test segment."""
        import torch  # here: the table needs neither

        from kws_core.training.judge import embed_rows

        given = _task_data(data, cell, config)
        learnt = training_data(given, int(cell.parameters["imbalance"]), cell.seed)
        trained, clusters = train_method(learnt, str(cell.parameters["method"]), config, cell.seed, device)
        test = given.rows("test")
        embeddings = embed_rows(trained.encoder, learnt, test, torch.device(device))
        with torch.inference_mode():
            logits = trained.loss.logits(torch.from_numpy(embeddings).to(device))
            scores = torch.log_softmax(logits.double(), dim=1).cpu().numpy()
        background = int((given.labels[learnt.train] == given.background).sum())
        arrays: dict[str, NDArray[Any]] = {
            "units": given.units[test],
            "labels": given.labels[test].astype(np.int16),
            "scores": scores.astype(np.float32),
            "training": np.array([len(learnt.train) - background, background, clusters]),
            "training_units": _units_of_events(given, learnt.train),
            "licences": np.array(given.licences, np.str_),
            "stage": np.array(trained.delivered.stage),
        }
        return CellResult(arrays)

    def table(self, results: Results, config: Arora2019Config) -> StudyTable:
        """Balanced error, average precision and FRR, and what they say about the paper's claims."""
        return arora_table(results, config)


def _units_of_events(data: EventData, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many speakers, or recordings, the rows of each event come from, `[events]`."""
    own = [rows[data.labels[rows] == event] for event in range(data.background)]
    return np.array([len(np.unique(data.units[chosen])) for chosen in own], np.int64)


def _task_data(data: StudyData, cell: Cell, config: Arora2019Config) -> EventData:
    if cell.parameters["task"] == WORDS or config.sounds is None:
        return word_data(data, config)
    from kws_core.studies.arora2019_sounds import sound_data

    return sound_data(config.sounds, config.selection, config.features, str(cell.parameters["content"]))


STUDY = Arora2019()
