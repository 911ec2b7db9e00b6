"""Training speed: `fit()` against a bare PyTorch loop over tensors in memory; on a GPU, formats and compilation.

    python tests/benchmarks/training_speed.py

Side by side: equal encoder, loss, optimiser, clipping and batches, one thread. The bare loop gathers float32 features
by shuffled indices and does nothing else; `fit()` is timed without its judging, with and without augmentation. Every
round times each once, in turn; the ratio is the median over rounds of bare time / time of `fit()`, so that 1 is as
fast and 0.95 the least that is accepted without augmentation. With augmentation the bare loop has none. On a CPU the
clock is the processor time of the one thread, which other work on the machine disturbs less than the clock on the wall.
"""

import sys
import time

import numpy as np
import torch
from torch import nn

from kws_core.config import (
    AugmentationConfig,
    EncoderConfig,
    FeaturesConfig,
    LossConfig,
    SamplingConfig,
    TrainingConfig,
    TrainingSpec,
)
from kws_core.encoders import build_encoder
from kws_core.losses import build_loss
from kws_core.sampling import build_sampler
from kws_core.training import batches, epoch, optimiser, state
from kws_core.training.precision import autocast, has_bfloat16
from kws_core.training_data import TrainingData

ROUNDS, STEPS, CLASSES = 9, 20, 50
CPU_BATCH, GPU_BATCH, GPU_STEPS = 32, 256, 60
FEATURES = FeaturesConfig()
PLAIN = AugmentationConfig(shift_share=0, swap_context_share=0, gain_db=0, channel_db=0, mask_context_share=0)
CPU_ENCODERS = {
    "bc_resnet_1": EncoderConfig(),
    "res15, 16 maps, pooled (4, 3)": EncoderConfig(name="res15", maps=16, stem_pooling=(4, 3)),
}
GPU_ENCODERS = {name: EncoderConfig(name=name) for name in ("res15", "bc_resnet_1", "bc_resnet_8")}


def make_data(rows):
    """Random features `[rows, 99, 40]`."""
    rng = np.random.default_rng(0)
    return TrainingData(
        features=rng.normal(0, 10, (rows, FEATURES.frames, FEATURES.coefficients)).astype(np.float16),
        label_ids=rng.integers(0, CLASSES, rows),
        word_frames=np.tile(np.array([30, 70]), (rows, 1)),
        train=np.arange(rows),
        trials={},
        classes=CLASSES,
    )


class OurLoop:
    """The epoch loop of `fit()`, one epoch a call."""

    def __init__(self, data, encoder, augmentation, batch, device, precision="float32", compiled=False):
        spec = TrainingSpec(
            features=FEATURES,
            encoder=encoder,
            augmentation=augmentation,
            training=TrainingConfig(batch_size=batch, precision=precision, epochs=1000),
        )
        torch.manual_seed(0)
        network = build_encoder(encoder, FEATURES)
        loss = build_loss(LossConfig(), encoder.embedding_dim, CLASSES)
        modules = nn.ModuleDict({"encoder": network, "loss": loss}).to(device)
        if compiled:
            network.compile()
        self.sampler = build_sampler(SamplingConfig(), data.label_ids, batch, data.class_names)
        learner = optimiser.build_optimiser(spec.training, modules.parameters())
        self.state = state.TrainingState({}, modules, learner, None, keep_best=False)
        self.source = batches.batch_source(data, spec, device)
        labels = torch.from_numpy(data.label_ids)
        context = autocast(precision, device)
        self.loop = epoch.EpochLoop(spec.training, self.source, data.train, labels, context, False, device)

    def __call__(self):
        generator = torch.Generator().manual_seed(1)
        self.loop.run(self.state, 1, self.sampler.epoch(generator), generator)


class BareLoop:
    """What one writes first: tensors in memory, shuffled indices, and the step."""

    def __init__(self, data, encoder, batch):
        torch.manual_seed(0)
        self.batch = batch
        self.features, self.labels = torch.from_numpy(data.features).float(), torch.from_numpy(data.label_ids)
        self.encoder = build_encoder(encoder, FEATURES)
        self.loss = build_loss(LossConfig(), encoder.embedding_dim, CLASSES)
        self.parameters = [*self.encoder.parameters(), *self.loss.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-3, weight_decay=0.0, fused=True)

    def __call__(self):
        self.encoder.train()
        order = torch.randperm(len(self.labels))
        for start in range(0, len(order) - self.batch + 1, self.batch):
            rows = order[start : start + self.batch]
            value = self.loss(self.encoder(self.features[rows]), self.labels[rows])
            self.optimiser.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(self.parameters, 5.0)
            self.optimiser.step()


def timed(run, clock=time.perf_counter):
    start = clock()
    run()
    return clock() - start


def compare_on_cpu():
    """Bare loop against ours on one thread; returns whether the plain ratio is at least 0.95 everywhere."""
    torch.set_num_threads(1)
    data, cpu = make_data(CPU_BATCH * STEPS), torch.device("cpu")
    print(f"one CPU thread, batch {CPU_BATCH}, {ROUNDS} rounds of {STEPS} steps")
    print(f"{'encoder':<30} {'bare ms/step':>12} {'ratio':>8} {'quartiles':>14} {'with augmentation':>18}")
    enough = True
    for name, encoder in CPU_ENCODERS.items():
        runs = (
            BareLoop(data, encoder, CPU_BATCH),
            OurLoop(data, encoder, PLAIN, CPU_BATCH, cpu),
            OurLoop(data, encoder, AugmentationConfig(), CPU_BATCH, cpu),
        )
        for run in runs:
            run()
        bare, ours, augmented = np.array([[timed(run, time.process_time) for run in runs] for _ in range(ROUNDS)]).T
        low, ratio, high = np.quantile(bare / ours, [0.25, 0.5, 0.75])
        step_ms = 1000 * np.median(bare) / STEPS
        spread = f"{low:.3f}-{high:.3f}"
        print(f"{name:<30} {step_ms:>12.2f} {ratio:>8.3f} {spread:>14} {np.median(bare / augmented):>18.3f}")
        enough &= bool(ratio >= 0.95)
    return enough


def measure_on_gpu():
    """Samples per second by encoder, format and compilation, and the share of time that the GPU waits for data."""
    device = torch.device("cuda")
    data = make_data(GPU_BATCH * GPU_STEPS)
    formats = ["float32", "bfloat16"] if has_bfloat16(device) else ["float32"]
    print(f"\n{torch.cuda.get_device_name(device)}, batch {GPU_BATCH}, channels-last, augmentation on")
    print(f"{'encoder':<14} {'format':<10} {'compiled':<9} {'samples/s':>10} {'waiting for data':>17}")
    for name, encoder in GPU_ENCODERS.items():
        for precision in formats:
            for compiled in (False, True):
                ours = OurLoop(data, encoder, AugmentationConfig(), GPU_BATCH, device, precision, compiled)
                ours()  # compiles, tunes and fills caches
                seconds = np.median([timed_on_gpu(ours) for _ in range(5)])
                # the same steps on one batch that lies on the GPU already: what is left when nothing is waited for
                held = ours.source(np.arange(GPU_BATCH), torch.Generator())
                object.__setattr__(ours.loop, "source", lambda rows, generator, held=held: held)
                without = np.median([timed_on_gpu(ours) for _ in range(5)])
                waiting = max(0.0, 1 - without / seconds)
                rate = GPU_BATCH * GPU_STEPS / seconds
                print(f"{name:<14} {precision:<10} {'yes' if compiled else 'no':<9} {rate:>10,.0f} {waiting:>17.1%}")


def timed_on_gpu(run):
    torch.cuda.synchronize()

    def finished():
        run()
        torch.cuda.synchronize()

    return timed(finished)


def main():
    enough = compare_on_cpu()
    if torch.cuda.is_available():
        measure_on_gpu()
    else:
        print("\nno CUDA device here: samples per second, bfloat16 and compilation were not measured")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
