"""Runs of `fit()` that record every step, alone or as one of several processes: `ranked_runs.py RANK WORLD FOLDER`."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from builders import toy_data
from torch import distributed as dist
from torch.optim.optimizer import register_optimizer_step_post_hook
from training_runs import run

from kws_core.config import AugmentationConfig, EncoderConfig, FeaturesConfig, LossConfig, SamplingConfig
from kws_core.encoders import build_encoder
from kws_core.errors import TrainingError
from kws_core.training import FitResult
from kws_core.training import epoch as epoch_module
from kws_core.training.distributed import Ranks, current_ranks
from kws_core.training.distributed_layers import WholeBatchLayers
from kws_core.training.divergence import LossWatch
from kws_core.training_data import TrainingData

SWAPPED = AugmentationConfig(max_shift_s=0.03, swap_context_share=0.5)
STEADY = {"optimizer": "sgd", "learning_rate": 2e-3, "epochs": 2, "augmentation": SWAPPED}
"""SGD, and slow: Adam makes steps of full length out of gradients that are nothing but rounding, and a run that does
not settle multiplies rounding from step to step."""


def with_non_targets() -> TrainingData:
    """Toy data of six classes, of which three are keywords."""
    return replace(toy_data(classes=6), targets=(0, 2, 5))


def am_softmax(**options) -> FitResult:
    """Batches of 9 are 5 and 4 rows on two ranks; everything that must go the same way on all ranks is in it."""
    shared = {"schedule": "plateau", "plateau_gain": 0.9, "patience": 1, "ema_decay": 0.9, "clip_norm": 0.5}
    return run(**{**STEADY, "batch_size": 9, "epochs": 6, "seed": 1, **shared, **options})


def ap_fc() -> FitResult:
    loss = LossConfig(name="ap_fc", non_targets="negatives_only")
    return run(with_non_targets(), loss=loss, sampling=SamplingConfig(name="ap_fc", non_targets=4), **STEADY)


def episodes() -> FitResult:
    sampling = SamplingConfig(name="episodes", classes_per_batch=3, samples_per_class=3)
    return run(loss=LossConfig(name="angular_prototypical"), sampling=sampling, **{**STEADY, "learning_rate": 5e-4})


def lonely_pairs() -> FitResult:
    """Many batches hold no pair: the loss's own weights are no part of their loss, and stay as they are."""
    return run(loss=LossConfig(name="angular_prototypical"), **{**STEADY, "batch_size": 4, "weight_decay": 0.1})


def resnet_with_adamw() -> FitResult:
    return run(encoder=EncoderConfig(name="resnet", widths=(4, 6), embedding_dim=8), epochs=2, learning_rate=3e-4)


def frozen_encoder() -> FitResult:
    return run(freeze_encoder=True, judged_by="classes", loss=LossConfig(name="softmax"), **STEADY)


CASES: dict[str, Callable[[], FitResult]] = {
    function.__name__: function
    for function in (am_softmax, ap_fc, episodes, lonely_pairs, resnet_with_adamw, frozen_encoder)
}


ENCODERS = (
    EncoderConfig(name="res15", maps=6, stem_pooling=(2, 2), embedding_dim=8),
    EncoderConfig(name="resnet", widths=(4, 6), embedding_dim=8),
    EncoderConfig(name="crnn", widths=(4, 6), hidden=5, embedding_dim=8),
    EncoderConfig(name="bc_resnet_1", embedding_dim=8),
)


def double_step(config: EncoderConfig, ranks: Ranks) -> dict[str, torch.Tensor]:
    """Embeddings, gradients and statistics of one step in float64, where rounding hides nothing; dropout included."""
    features = FeaturesConfig(frames=16, mel_bins=40, coefficients=40)
    torch.manual_seed(5)
    encoder = build_encoder(config, features).double().train()
    batch = torch.randn(11, features.frames, features.coefficients, dtype=torch.float64)
    layers = WholeBatchLayers(encoder, ranks) if ranks.world > 1 else nullcontext()
    if ranks.world > 1:
        layers.rows = len(batch)
    with layers:
        embeddings = ranks.gather(encoder(batch[ranks.share(len(batch))]), len(batch))
        # each row matters to each other
        (torch.softmax(embeddings @ embeddings.t(), dim=1).diagonal().sum() + embeddings.square().mean()).backward()
    ranks.average_gradients(list(encoder.parameters()))
    gradients = {f"gradient of {name}": parameter.grad for name, parameter in encoder.named_parameters()}
    return {"embeddings": embeddings.detach(), **gradients, **dict(encoder.named_buffers())}


def recorded(case: Callable[[], FitResult]) -> dict:
    """The loss and all weights after each step, and what the run delivers."""
    losses: list[float] = []
    steps: list[torch.Tensor] = []

    class Recorder(LossWatch):
        def add(self, step: int, value: torch.Tensor) -> None:
            losses.append(value.item())
            super().add(step, value)

    def after_step(optimiser: torch.optim.Optimizer, *_: object) -> None:
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        steps.append(torch.cat([parameter.detach().flatten() for parameter in parameters]))

    usual, epoch_module.LossWatch = epoch_module.LossWatch, Recorder
    hook = register_optimizer_step_post_hook(after_step)
    try:
        result = case()
    finally:
        hook.remove()
        epoch_module.LossWatch = usual
    return {
        "losses": losses,
        "steps": steps,
        "weights": {**result.encoder.state_dict(), **{f"loss.{k}": v for k, v in result.loss.state_dict().items()}},
        "history": [report.plain() for report in result.history],
        "delivered": result.delivered.plain(),
    }


def refusal(case: Callable[[], object]) -> str:
    try:
        case()
    except TrainingError as error:
        return str(error)
    return ""


def run_ranks(world: int, folder: Path) -> list[dict]:
    """Run this file as `world` processes; returns what each found."""
    script = str(Path(__file__))
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", script, str(rank), str(world), str(folder)])
        for rank in range(world)
    ]
    try:
        assert [process.wait(timeout=300) for process in processes] == [0] * world
    finally:
        for process in processes:
            process.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(world)]


def main(rank: int, world: int, folder: Path) -> None:
    """Run every case, those that are refused, and one that goes on from the checkpoint of a run of one process."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=world)
    found: dict[str, object] = {name: recorded(case) for name, case in CASES.items()}
    found["double"] = {config.name: double_step(config, current_ranks()) for config in ENCODERS}
    checkpoint = (folder / "checkpoint.pt").read_bytes()
    found["resumed"] = recorded(lambda: am_softmax(checkpoint=checkpoint))
    found["refusals"] = {
        "seeds": refusal(lambda: run(seed=rank, epochs=1)),
        "rows": refusal(lambda: run(sampling=SamplingConfig(name="ap_fc", non_targets=0), data=one_class())),
        "divergence": refusal(lambda: run(learning_rate=1e30)),
    }
    torch.save(found, folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def one_class() -> TrainingData:
    """Data whose AP-FC batches are of one row."""
    data = toy_data()
    return replace(data, label_ids=np.where(data.label_ids >= 0, 0, -1), classes=1, class_names=("0",))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
