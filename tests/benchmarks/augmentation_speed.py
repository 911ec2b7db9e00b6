"""Speed of augmentation on one core, operation by operation, beside MFCC's.

    python -m tests.benchmarks.augmentation_speed

Batches of 64 rows of one second; operations on all rows, totals with every share at 0.5. Processor time, medians over
rounds.
"""

import time

import torch

from kws_core.augment import FeatureAugment, WaveformAugment
from kws_core.config import AugmentationConfig, FeaturesConfig, WaveformAugmentationConfig
from kws_core.features import Frontend, silence_features

ROUNDS = 15
ROWS = 64
WAVEFORM_SHARES = ("speed_share", "shift_share", "reverberation_share", "noise_share", "narrow_band_share")
NO_FEATURES = {
    "shift_share": 0,
    "swap_context_share": 0,
    "mask_context_share": 0,
    "gain_db": 0,
    "channel_db": 0,
}
FEATURES_ON = {
    "surroundings, gain, channel": {},
    "with vocal tract": {"vocal_tract_share": 1},
    "with time masks": {"time_masks": 2},
    "with frequency masks": {"frequency_masks": 2},
}


def milliseconds_per_row(compute):
    """Median processor time of a call, over its rows."""
    compute()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        compute()
        times.append(time.process_time() - start)
    return 1000 * sorted(times)[ROUNDS // 2] / ROWS


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    pcm = torch.randn(ROWS, 16000, generator=generator) * 0.1
    noise = torch.randn(8, 160_000, generator=generator)
    config = FeaturesConfig()
    frontend = Frontend(config)
    features, words = frontend(pcm), torch.tensor([[30, 70]]).expand(ROWS, 2)

    def waveforms(shares):
        augment = WaveformAugment(WaveformAugmentationConfig(**shares), noise)
        return milliseconds_per_row(lambda: augment(pcm, generator))

    def of_features(settings):
        augment = FeatureAugment(AugmentationConfig(**settings), config, silence_features(config))
        return milliseconds_per_row(lambda: augment(features, words, generator))

    print(f"{'one core, batches of 64 rows of 1 s':<45} {'ms per row':>10}")
    for name in WAVEFORM_SHARES:
        print(f"{name + ' = 1':<45} {waveforms({name: 1}):>10.3f}")
    print(f"{'all waveform operations, shares 0.5':<45} {waveforms(dict.fromkeys(WAVEFORM_SHARES, 0.5)):>10.3f}")
    for name, settings in FEATURES_ON.items():
        print(f"{name:<45} {of_features({**NO_FEATURES, **settings}):>10.3f}")
    everything = {"vocal_tract_share": 0.5, "time_masks": 2, "frequency_masks": 2, "mask_context_share": 0.5}
    print(f"{'all feature operations, shares 0.5':<45} {of_features(everything):>10.3f}")
    print(f"{'MFCC':<45} {milliseconds_per_row(lambda: frontend(pcm)):>10.3f}")


if __name__ == "__main__":
    main()
