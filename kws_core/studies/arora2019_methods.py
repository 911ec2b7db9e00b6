"""The methods of the study `arora2019`: how each of them trains an encoder and its classifier."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from kws_core.clustering import cluster_count
from kws_core.config import LossConfig, SamplingConfig, StrategyConfig, TrainingSpec
from kws_core.studies.arora2019_config import Arora2019Config, Pretraining
from kws_core.training_data import TrainingData

if TYPE_CHECKING:
    from kws_core.training import FitResult

CROSS_ENTROPY, WEIGHTED = "cross-entropy", "class weights"
OVERSAMPLED, UNDERSAMPLED = "oversampling", "undersampling"
SIAMESE, CLUSTERED = "siamese pre-training", "clustered pre-training"
METHODS = (CROSS_ENTROPY, WEIGHTED, OVERSAMPLED, UNDERSAMPLED, SIAMESE, CLUSTERED)

_SINGLE: dict[str, tuple[str, Literal["shuffled", "oversampled", "undersampled"]]] = {
    CROSS_ENTROPY: ("softmax", "shuffled"),
    WEIGHTED: ("weighted_softmax", "shuffled"),
    OVERSAMPLED: ("softmax", "oversampled"),
    UNDERSAMPLED: ("softmax", "undersampled"),
}


def train_method(
    data: TrainingData, method: str, config: Arora2019Config, seed: int, device: str
) -> tuple["FitResult", int]:
    """Train by a method of `METHODS`; returns the result and how many classes background had in pre-training.

    All methods make the same number of steps with the encoder, give or take a step an epoch. Two-stage methods train
    a class-weighted classifier on the frozen encoder beside that, and choose by the balanced error of development.
    """
    import torch  # here: the table needs neither

    from kws_core.sampling import build_sampler
    from kws_core.strategies import two_stage
    from kws_core.training import fit

    if method in _SINGLE:
        loss, sampler = _SINGLE[method]
        sampling = SamplingConfig(name=sampler)
        labels = data.label_ids[data.train]
        batches = build_sampler(sampling, labels, config.training.batch_size, data.class_names)
        an_epoch = len(batches.epoch(torch.Generator().manual_seed(seed)))
        epochs, steps = epochs_of_steps(config.pretraining_steps + config.steps, an_epoch)
        # nothing is chosen by development here, and an undersampled epoch may be one batch
        unjudged = replace(data, development=data.development[:0])
        return fit(unjudged, _spec(config, LossConfig(name=loss), sampling, epochs, steps), seed, device=device), 1
    chosen = config.siamese if method == SIAMESE else config.clustered
    clusters = background_clusters(data, chosen)
    an_epoch = max(len(data.train) // config.training.batch_size, 1)
    epochs, steps = epochs_of_steps(config.steps, an_epoch)
    strategy = StrategyConfig(
        name="two_stage",
        pretraining_epochs=max(round(config.pretraining_steps / steps), 1),
        background_clusters=clusters,
    )
    spec = _spec(config, chosen.loss, chosen.sampling, epochs, steps)
    return two_stage(data, spec, strategy, seed, device=device), clusters


def epochs_of_steps(steps: int, batches: int) -> tuple[int, int]:
    """Epochs, and steps in each, that make `steps` of an epoch's `batches`, or up to one more an epoch."""
    epochs = math.ceil(steps / batches)
    return epochs, math.ceil(steps / epochs)


def background_clusters(data: TrainingData, pretraining: Pretraining) -> int:
    """How many pseudo-classes background is split into: about as large as the events, at most `max_clusters`."""
    sizes = np.bincount(data.label_ids[data.train], minlength=data.classes)
    events = [int(size) for label, size in enumerate(sizes) if label != data.background]
    return min(cluster_count(int(sizes[data.background]), events), pretraining.max_clusters)


def _spec(config: Arora2019Config, loss: LossConfig, sampling: SamplingConfig, epochs: int, steps: int) -> TrainingSpec:
    length = {"epochs": epochs, "max_steps_per_epoch": steps}
    return TrainingSpec(
        features=config.features,
        encoder=config.encoder,
        loss=loss,
        sampling=sampling,
        training=config.training.model_copy(update=length),
        augmentation=config.augmentation,
    )
