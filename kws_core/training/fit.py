"""The training run: epochs of steps, each judged and ready to be gone on from."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from kws_core.config import TrainingSpec
from kws_core.encoders import Encoder, build_encoder
from kws_core.errors import TrainingError
from kws_core.losses import build_loss
from kws_core.pair_selection import select_pairs
from kws_core.sampling import BatchSampler, build_sampler
from kws_core.streaming.reader import WindowReader
from kws_core.streaming.sampler import stream_sampler
from kws_core.training.batches import batch_source
from kws_core.training.distributed import current_ranks
from kws_core.training.ema import MovingAverage
from kws_core.training.epoch import EpochLoop
from kws_core.training.judge import Judge, JudgedBy
from kws_core.training.optimiser import build_optimiser
from kws_core.training.precision import autocast
from kws_core.training.report import FitResult, OnEpoch
from kws_core.training.state import TrainingState
from kws_core.training_data import TrainingData


def fit(
    data: TrainingData,
    spec: TrainingSpec,
    seed: int,
    on_epoch: OnEpoch | None = None,
    checkpoint: bytes | None = None,
    device: str = "cpu",
    initial: Mapping[str, Tensor] | None = None,
    *,
    freeze_encoder: bool = False,
    judged_by: JudgedBy | None = None,
) -> FitResult:
    """Train an encoder; on a CPU the same inputs give the same weights, and so does a run resumed from a checkpoint.

    Called by all processes of a torch process group, it trains one encoder on shares of each batch: the same but for
    rounding, whatever their number, also where a checkpoint is gone on from with another number. All of them call
    `on_epoch` and return the result.

    Args:
        data: what to learn from and be judged by.
        spec: features, encoder, loss, batches, optimisation and augmentation.
        seed: reaches weights, batches and augmentation.
        on_epoch: called after each epoch with its figures and a function that makes a checkpoint.
        checkpoint: a checkpoint of the same run to go on from.
        device: where to train, as torch names it.
        initial: weights that the encoder starts from, by their names; fresh ones otherwise.
        freeze_encoder: only the loss learns; the encoder stays as it is, its normalisation statistics included.
        judged_by: what the cost of an epoch is: `trials` or `classes`, see `Judge`.

    Raises:
        TrainingError: the configuration does not fit the data or the device, the checkpoint or the initial weights
            do not fit the configuration, or the loss or a development embedding is no longer a number.
    """
    training, place = spec.training, torch.device(device)
    precision = autocast(training.precision, place)
    reader = None if data.stream is None else WindowReader(data.stream)
    source = batch_source(data, spec, place, reader)
    names = data.class_names
    labels, label_names = select_pairs(
        data.label_ids, names, [names[target] for target in data.targets], spec.loss.non_targets
    )
    train_labels = labels[data.train]
    drawing = (spec.sampling, train_labels, training.batch_size, label_names)
    sampler: BatchSampler
    if reader is None:
        sampler = build_sampler(*drawing)
    else:
        sampler = stream_sampler(*drawing, reader.stream, data.train, reader.follow)

    torch.manual_seed(seed)
    encoder = build_encoder(spec.encoder, spec.features)
    if initial is not None:
        load_weights(encoder, initial)
    counts = torch.from_numpy(np.bincount(train_labels[train_labels >= 0], minlength=len(label_names)))
    loss = build_loss(spec.loss, spec.encoder.embedding_dim, len(label_names), counts)
    modules = nn.ModuleDict({"encoder": encoder.requires_grad_(not freeze_encoder), "loss": loss}).to(place)
    ranks = current_ranks()
    ranks.start_alike(modules)
    learning = [parameter for parameter in modules.parameters() if parameter.requires_grad]
    if not learning:
        raise TrainingError(f"nothing would learn: the encoder is frozen and the loss {spec.loss.name} has no weights")
    judge = Judge(data, labels, loss, judged_by, place)
    if judge.by is None and (training.patience or training.schedule == "plateau"):
        raise TrainingError(
            "training.patience and training.schedule = plateau need a development cost: give development pair lists, "
            "or development rows and a loss with a classifier"
        )
    state = TrainingState(
        {
            "spec": spec.model_dump(mode="json"),
            "seed": seed,
            "training_rows": len(data.train),
            "classes": len(label_names),
            "freeze_encoder": freeze_encoder,
            "judged_by": judge.by,
        },
        modules,
        build_optimiser(training, learning),
        MovingAverage(modules, training.ema_decay) if training.ema_decay else None,
        keep_best=training.patience > 0,
    )
    if checkpoint is not None:
        state.load(checkpoint)
    ranks.agree({"the configuration": state.identity, "the labels": train_labels, "the checkpoint": len(state.history)})
    loop = EpochLoop(
        training, source, data.train, torch.from_numpy(train_labels), precision, freeze_encoder, place, ranks
    )
    ramp_epochs = spec.loss.margin_ramp_epochs
    for epoch in range(len(state.history), training.epochs):
        if training.patience and epoch - state.best_epoch >= training.patience:
            break
        loss.ramp(min((epoch + 1) / ramp_epochs, 1.0) if ramp_epochs else 1.0)
        # every epoch has its own seed, so that a resumed run draws what an undisturbed one would
        epoch_seed = seed * 100_003 + epoch
        generator = torch.Generator().manual_seed(epoch_seed)
        torch.manual_seed(epoch_seed)  # dropout draws from torch's own generator
        batches = sampler.epoch(generator)
        if training.max_steps_per_epoch:
            batches = batches[: training.max_steps_per_epoch]
        ranks.check_batches(batches)
        mean_loss = loop.run(state, epoch, batches, generator)
        judged = (state.encoder(judged=True), state.loss(judged=True))
        state.record(ranks.from_first(judge.report(*judged, epoch + 1, mean_loss, training.learning_rate)))
        if on_epoch is not None:
            on_epoch(state.history[-1], state.dump)
    encoder, loss, delivered = state.deliver()
    return FitResult(encoder, loss, state.history, delivered)


def load_weights(encoder: Encoder, weights: Mapping[str, Tensor]) -> None:
    """Give an encoder these weights.

    Raises:
        TrainingError: one is missing, unknown or of another shape.
    """
    own = encoder.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        if name not in own or name not in weights:
            where = "the initial weights lack" if name in own else "the encoder has no weight"
            raise TrainingError(f"{where} {name!r}: they are of another encoder")
        if own[name].shape != weights[name].shape:
            raise TrainingError(
                f"the initial weight {name!r} is {list(weights[name].shape)}, the encoder's {list(own[name].shape)}"
            )
    encoder.load_state_dict(weights)
