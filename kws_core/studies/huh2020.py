"""Metric learning for keyword spotting (Huh et al. 2020, arXiv 2005.08776): are unseen words rejected more often?

Every loss is trained on the targets and the seen non-target words, with or without an unknown cluster, and decides
by its softmax, by centroids or by SVMs.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.softmax import SoftmaxBackend
from kws_core.backends.svm import SvmBackend
from kws_core.config import TrainingSpec
from kws_core.fingerprint import fingerprint
from kws_core.pair_selection import UNKNOWN
from kws_core.studies.data import StudyData
from kws_core.studies.huh2020_config import Decision, Huh2020Config
from kws_core.studies.huh2020_rows import TARGET, HuhRows, huh_rows
from kws_core.studies.huh2020_table import huh_table
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, Results
from kws_core.studies.table import StudyTable
from kws_core.training_data import TrainingData

if TYPE_CHECKING:
    from kws_core.losses import Loss

OTHER = "<other>"
"""Class of all non-targets; the pair selection makes an unknown cluster or negatives of it."""


class Huh2020:
    """Softmax, triplet, AP and AP-FC against each other."""

    name = "huh2020"
    title = "Metric learning for keyword spotting (Huh et al. 2020)"
    version = 1
    table_version = 2
    config_type = Huh2020Config

    def cells(self, config: Huh2020Config) -> list[Cell]:
        """Every method with every seed, seed by seed."""
        settings: dict[str, dict[str, float | str]] = {
            name: {"settings": fingerprint(method)} for name, method in config.methods.items()
        }
        return [
            Cell(method=name, seed=seed, parameters=settings[name]) for seed in range(config.seeds) for name in settings
        ]

    def run_cell(self, data: StudyData, cell: Cell, config: Huh2020Config, device: str) -> CellResult:
        """Train one loss with one seed; decisions and scores of every test segment by each of its decisions."""
        import torch  # here: the table needs neither

        from kws_core.training import fit
        from kws_core.training.judge import embed_rows

        rows = huh_rows(data, config, cell.seed)
        given = _training_data(data, rows, config)
        trained = fit(given, training_spec(config, cell.method), cell.seed, device=device)
        parts = (rows.train, rows.development, rows.test)
        raw = [embed_rows(trained.encoder, given, part, torch.device(device)) for part in parts]
        labels = [np.where(rows.parts[part] == TARGET, data.labels[part], OTHER) for part in parts]
        arrays: dict[str, NDArray[Any]] = {
            "segments": data.segment_ids[rows.test],
            "speakers": data.speakers[rows.test],
            "target": given.label_ids[rows.test].astype(np.int16),
            "part": rows.parts[rows.test],
            "sentence": rows.sentences[rows.test],
            "training_segments": np.array([len(rows.train), int((rows.parts[rows.train] == TARGET).sum())]),
        }
        arrays["target"][arrays["part"] != TARGET] = -1
        for decision in config.methods[cell.method].decisions:
            backend = _backend(decision, raw, labels, trained.loss, config, cell.seed)
            heard = raw[-1] if decision == "softmax" else _unit(raw[-1])
            arrays[f"decisions {decision}"] = backend.decide(heard).astype(np.int16)
            arrays[f"scores {decision}"] = backend.score(heard)
        return CellResult(arrays)

    def table(self, results: Results, config: Huh2020Config) -> StudyTable:
        """Accuracies, ranking and what they say about the paper's claims."""
        return huh_table(results, config)


def training_spec(config: Huh2020Config, method: str) -> TrainingSpec:
    """What a method is trained with."""
    chosen = config.methods[method]
    training = config.training
    if chosen.batch_size is not None:
        training = training.model_copy(update={"batch_size": chosen.batch_size})
    return TrainingSpec(
        features=config.features,
        encoder=config.encoder,
        loss=chosen.loss,
        sampling=chosen.sampling,
        training=training,
        augmentation=config.augmentation,
    )


def _training_data(data: StudyData, rows: HuhRows, config: Huh2020Config) -> TrainingData:
    """The targets in their order, then one class of all non-targets."""
    others = len(config.targets)
    label_ids = np.where(rows.parts == "", -1, others).astype(np.int64)
    for number, word in enumerate(config.targets):
        label_ids[(rows.parts == TARGET) & (data.labels == word)] = number
    return TrainingData(
        features=data.features,
        label_ids=label_ids,
        word_frames=data.word_frames,
        train=rows.train,
        trials={},
        classes=others + 1,
        class_names=(*config.targets, OTHER),
        development=rows.development,
        targets=tuple(range(others)),
    )


def _backend(
    decision: Decision,
    raw: list[NDArray[np.float32]],
    labels: list[NDArray[np.str_]],
    loss: "Loss",
    config: Huh2020Config,
    seed: int,
) -> Backend:
    """Fit a decision on training embeddings; `raw` and `labels` are those of training, development and test."""
    targets = config.targets
    if decision == "softmax":
        weights = {name: value.detach().cpu().numpy() for name, value in loss.state_dict().items()}
        names = (*targets, UNKNOWN)
        return SoftmaxBackend.from_weights(targets, weights["output.weight"], weights["output.bias"], names, False)
    if decision == "centroid":
        return CentroidBackend.fit(_unit(raw[0]), labels[0], targets, unknown=True)
    c, gamma = config.backends.svm_c, config.backends.svm_gamma
    train, development = _unit(raw[0]), _unit(raw[1])
    return SvmBackend.fit(train, labels[0], development, labels[1], targets, c=c, gamma=gamma, seed=seed)


def _unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), np.float32(1e-12))
    unit: NDArray[np.float32] = embeddings / norms
    return unit


STUDY = Huh2020()
