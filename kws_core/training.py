"""`fit()`: one loop for every encoder and loss, resumable at any epoch."""

import io
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kws_core.augment import FeatureAugment
from kws_core.config import AugmentationConfig, EncoderConfig, FeaturesConfig, LossConfig, TrainingConfig
from kws_core.encoders import Encoder, build_encoder
from kws_core.errors import TrainingError
from kws_core.evaluation.det import eer, frr_at_far
from kws_core.features import silence_features
from kws_core.losses import build_loss
from kws_core.training_data import TrainingData

REPORTED_FAR = 0.02


@dataclass(frozen=True)
class EpochReport:
    """Figures after one epoch; epochs count from 1."""

    epoch: int
    loss: float
    development_eer: float
    """Mean over the development pair lists."""
    development_frr: float
    """FRR at FAR 2 %, mean over the development pair lists."""


OnEpoch = Callable[[EpochReport, Callable[[], bytes]], None]


def fit(
    data: TrainingData,
    features: FeaturesConfig,
    encoder_config: EncoderConfig,
    loss_config: LossConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    seed: int,
    on_epoch: OnEpoch | None = None,
    checkpoint: bytes | None = None,
    device: str = "cpu",
) -> tuple[Encoder, list[EpochReport]]:
    """Train an encoder; the same inputs give the same weights, and so does a run resumed from a checkpoint.

    Args:
        data: what to learn from.
        features: the features' definition.
        encoder_config: the encoder.
        loss_config: the loss.
        training: the optimisation.
        augmentation: what is done to batches.
        seed: reaches weights, batches and augmentation.
        on_epoch: called after each epoch with its figures and a function that makes a checkpoint.
        checkpoint: a checkpoint of the same configuration to go on from.
        device: where to train.

    Raises:
        TrainingError: the loss or a development embedding is no longer a number.
    """
    torch.manual_seed(seed)
    encoder = build_encoder(encoder_config, features).to(device)
    loss = build_loss(loss_config, encoder_config.embedding_dim, data.classes).to(device)
    parameters = [*encoder.parameters(), *loss.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=training.learning_rate, weight_decay=training.weight_decay)
    augment = FeatureAugment(augmentation, features, silence_features(features))
    state = _State(encoder, loss, optimizer, [])
    if checkpoint is not None:
        state.load(checkpoint)
    steps_per_epoch = _steps_per_epoch(len(data.train), training)
    for epoch in range(len(state.history), training.epochs):
        loss.margin = loss_config.margin * _ramp(epoch, loss_config.margin_ramp_epochs)
        # every epoch has its own seed, so that a resumed run draws what an undisturbed one would
        epoch_seed = seed * 100_003 + epoch
        generator = torch.Generator().manual_seed(epoch_seed)
        torch.manual_seed(epoch_seed)  # dropout draws from torch's own generator
        mean_loss = _train_epoch(state, data, training, augment, generator, epoch, steps_per_epoch, device)
        embeddings = embed(encoder, data, device)
        if not all(np.isfinite(both).all() for both in embeddings.values()):
            raise TrainingError(
                f"embeddings of development segments are not finite after epoch {epoch + 1}: lower "
                f"training.learning_rate ({training.learning_rate:g}) or look for features that are not numbers"
            )
        state.history.append(_judge(epoch + 1, mean_loss, embeddings, data))
        if on_epoch is not None:
            on_epoch(state.history[-1], state.dump)
    encoder.eval()
    return encoder, state.history


def embed(encoder: nn.Module, data: TrainingData, device: str = "cpu") -> dict[str, NDArray[np.float32]]:
    """L2-normalised embeddings `[rows, dim]` of both sides of every development pair list, by its name."""
    encoder.eval()
    rows = np.unique(np.concatenate([side for left, right, _ in data.trials.values() for side in (left, right)]))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), 256):
            batch = torch.from_numpy(data.features[rows[start : start + 256]].astype(np.float32)).to(device)
            parts.append(nn.functional.normalize(encoder(batch)).cpu().numpy())
    stacked = np.concatenate(parts)
    return {
        name: np.concatenate([stacked[np.searchsorted(rows, left)], stacked[np.searchsorted(rows, right)]])
        for name, (left, right, _) in data.trials.items()
    }


@dataclass
class _State:
    encoder: Encoder
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    history: list[EpochReport]

    def dump(self) -> bytes:
        sink = io.BytesIO()
        modules = {"encoder": self.encoder.state_dict(), "loss": self.loss.state_dict()}
        history = [asdict(report) for report in self.history]
        torch.save({**modules, "optimizer": self.optimizer.state_dict(), "history": history}, sink)
        return sink.getvalue()

    def load(self, content: bytes) -> None:
        saved: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
        self.encoder.load_state_dict(saved["encoder"])
        self.loss.load_state_dict(saved["loss"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.history[:] = [EpochReport(**report) for report in saved["history"]]


def _train_epoch(
    state: _State,
    data: TrainingData,
    training: TrainingConfig,
    augment: FeatureAugment,
    generator: torch.Generator,
    epoch: int,
    steps: int,
    device: str,
) -> float:
    state.encoder.train()
    order = data.train[torch.randperm(len(data.train), generator=generator).numpy()]
    total = 0.0
    for step in range(steps):
        _set_learning_rate(state.optimizer, training, epoch * steps + step, steps)
        rows = np.sort(order[step * training.batch_size : (step + 1) * training.batch_size])
        batch = torch.from_numpy(data.features[rows].astype(np.float32)).to(device)
        batch = augment(batch, torch.from_numpy(data.word_frames[rows]).to(device), generator)
        labels = torch.from_numpy(data.label_ids[rows]).to(device)
        value = state.loss(state.encoder(batch), labels)
        if not torch.isfinite(value):
            raise TrainingError(
                f"the loss is {value.item()} in epoch {epoch + 1}, step {step + 1}: lower training.learning_rate "
                f"({training.learning_rate:g})"
            )
        state.optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(state.encoder.parameters(), 5.0)
        state.optimizer.step()
        total += value.item()
    return total / steps


def _judge(epoch: int, loss: float, embeddings: dict[str, NDArray[np.float32]], data: TrainingData) -> EpochReport:
    eers, frrs = [], []
    for name, (left, _, same) in data.trials.items():
        both = embeddings[name]
        scores = np.einsum("nd,nd->n", both[: len(left)], both[len(left) :])
        eers.append(eer(scores, same))
        frrs.append(frr_at_far(scores, same, REPORTED_FAR))
    return EpochReport(epoch, loss, float(np.mean(eers)), float(np.mean(frrs)))


def _steps_per_epoch(rows: int, training: TrainingConfig) -> int:
    # a last batch of one row would break batch normalisation, so the remainder waits for the next shuffle
    steps = max(rows // training.batch_size, 1)
    return min(steps, training.max_steps_per_epoch) if training.max_steps_per_epoch else steps


def _ramp(epoch: int, ramp_epochs: int) -> float:
    return min((epoch + 1) / ramp_epochs, 1.0) if ramp_epochs else 1.0


def _set_learning_rate(optimizer: torch.optim.Optimizer, training: TrainingConfig, step: int, steps: int) -> None:
    """One epoch of warm-up, then a half cosine to zero over the run."""
    warm_up, total = steps, training.epochs * steps
    if step < warm_up and training.epochs > 1:
        factor = (step + 1) / warm_up
    else:
        done = (step - warm_up) / max(total - warm_up, 1) if training.epochs > 1 else step / total
        factor = 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = training.learning_rate * factor
