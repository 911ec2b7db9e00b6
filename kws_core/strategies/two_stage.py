"""Clustered pre-training, then a classifier on the frozen encoder and end to end (Arora et al. 2019)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kws_core.config import LossConfig, SamplingConfig, StrategyConfig, TrainingSpec
from kws_core.errors import TrainingError
from kws_core.strategies.pseudo_classes import split_background
from kws_core.training import EpochReport, FitResult, OnEpoch, fit
from kws_core.training.checkpoint import read_checkpoint, write_checkpoint
from kws_core.training_data import TrainingData

PRETRAINING, CLASSIFIER, END_TO_END = "pre-training", "classifier on the frozen encoder", "end to end"
FORMAT = "kws-foundry two-stage training 1"


def two_stage(
    data: TrainingData,
    spec: TrainingSpec,
    strategy: StrategyConfig,
    seed: int,
    on_epoch: OnEpoch | None = None,
    checkpoint: bytes | None = None,
    device: str = "cpu",
) -> FitResult:
    """Train in stages; `delivered.stage` of the result says which of the last two was better.

    1. `pre-training`: the encoder with the loss and batches of `spec`, for `strategy.pretraining_epochs`, background
       split into pseudo-classes (`split_background`).
    2. `classifier on the frozen encoder`: a class-weighted softmax on the embedding of stage 1, which stays as it is,
       normalisation statistics included. `end to end`: encoder, from the weights of stage 1, and a fresh classifier
       of the same kind together. Both draw shuffled batches over `training.epochs`.

    The one with the lower balanced error on development rows is delivered, the frozen one if both are equal. Epochs
    in reports are counted over all stages. A checkpoint knows the stage. Other arguments as in `fit()`.

    Raises:
        TrainingError: there are no development rows, or as `fit()` does.
    """
    if data.stream is not None:
        raise TrainingError("strategy two_stage clusters all background at once: set training.data = cache, not stream")
    if not len(data.development):
        raise TrainingError("strategy two_stage needs development rows, by which it chooses between its stages")
    identity = {"spec": spec.model_dump(mode="json"), "strategy": strategy.model_dump(mode="json"), "seed": seed}
    run = _Stages(identity, on_epoch, {} if checkpoint is None else _read(checkpoint, identity))

    clustered = split_background(data, strategy.background_clusters, seed)
    if clustered.classes > data.classes and spec.loss.non_targets != "own_class":
        raise TrainingError(
            f"strategy two_stage makes classes of background and needs loss.non_targets = own_class, not "
            f"{spec.loss.non_targets}, or strategy.background_clusters = 1"
        )
    first = spec.training.model_copy(update={"epochs": strategy.pretraining_epochs})
    pretraining = spec.model_copy(update={"training": first})
    pretrained = run.stage(
        PRETRAINING, lambda report, saved: fit(clustered, pretraining, seed, report, saved, device)
    ).encoder.state_dict()

    own_class = spec.loss.non_targets == "own_class"
    weighted = LossConfig(name="weighted_softmax", non_targets="own_class" if own_class else "unknown_cluster")
    classifier = spec.model_copy(update={"loss": weighted, "sampling": SamplingConfig()})
    frozen = run.stage(
        CLASSIFIER,
        lambda report, saved: fit(
            data, classifier, seed, report, saved, device, pretrained, freeze_encoder=True, judged_by="classes"
        ),
    )
    whole = run.stage(
        END_TO_END,
        lambda report, saved: fit(data, classifier, seed, report, saved, device, pretrained, judged_by="classes"),
    )
    better = frozen if frozen.delivered.cost <= whole.delivered.cost else whole
    return replace(better, history=run.history)


@dataclass
class _Stages:
    """Runs stages one after another; each is gone on from its last checkpoint, a finished one at once."""

    identity: dict[str, object]
    on_epoch: OnEpoch | None
    checkpoints: dict[str, bytes]
    """The last checkpoint of each stage that has begun."""
    history: list[EpochReport] = field(default_factory=list)

    def stage(self, name: str, run: Callable[[OnEpoch | None, bytes | None], FitResult]) -> FitResult:
        """Run a stage; its reports get its name and are counted on from those of the stages before it."""
        before = len(self.history)

        def numbered(report: EpochReport) -> EpochReport:
            return replace(report, epoch=before + report.epoch, stage=name)

        def report(figures: EpochReport, dump: Callable[[], bytes]) -> None:
            self.checkpoints[name] = dump()
            if self.on_epoch is not None:
                self.on_epoch(numbered(figures), self._dump)

        result = run(report if self.on_epoch is not None else None, self.checkpoints.get(name))
        self.history.extend(numbered(figures) for figures in result.history)
        return replace(result, delivered=numbered(result.delivered))

    def _dump(self) -> bytes:
        return write_checkpoint({"stages": dict(self.checkpoints)}, FORMAT, self.identity)


def _read(checkpoint: bytes, identity: dict[str, object]) -> dict[str, bytes]:
    stages = read_checkpoint(checkpoint, FORMAT, identity).get("stages")
    if not isinstance(stages, dict):
        raise TrainingError("the checkpoint of a two-stage training names no stage: delete it and train again")
    return stages
