"""MFCC speed on one core: our front end against kaldi-native-fbank and a batched numpy FFT.

    python tests/benchmarks/mfcc_speed.py

All three take the same 64 windows of 1 s; every round times them side by side, and a ratio is the median over rounds.
"""

import time

import kaldi_native_fbank as knf
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from kws_core.config import FeaturesConfig
from kws_core.features import Frontend
from kws_core.features.kaldi import dct_matrix, mel_matrix, povey_window

ROUNDS = 15
WINDOWS = 64


def kaldi(waveforms):
    """One object a recording, as its users do."""
    options = knf.MfccOptions()
    options.frame_opts.frame_length_ms, options.frame_opts.dither = 20, 0
    options.mel_opts.num_bins = options.num_ceps = 40
    options.use_energy = False
    rows = []
    for waveform in waveforms:
        computer = knf.OnlineMfcc(options)
        computer.accept_waveform(16000, waveform * np.float32(32768))
        computer.input_finished()
        rows.append([computer.get_frame(index) for index in range(computer.num_frames_ready)])
    return np.array(rows)


def numpy_variant():
    """The plain way in numpy: every frame at once, float32."""
    window = (povey_window(320) * 32768).astype(np.float32)
    mel = mel_matrix(40, 512, 16000, 20, 8000).T.astype(np.float32)
    dct = dct_matrix(40, 40).T.astype(np.float32)

    def compute(waveforms):
        frames = np.lib.stride_tricks.sliding_window_view(waveforms, 320, axis=1)[:, ::160]
        frames = frames - frames.mean(axis=2, keepdims=True)
        frames[..., 1:] -= np.float32(0.97) * frames[..., :-1]
        spectrum = np.fft.rfft(frames * window, 512)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(np.maximum(power @ mel, np.finfo(np.float32).eps)) @ dct

    return compute


def main():
    torch.set_num_threads(1)
    waveforms = np.random.default_rng(0).normal(0, 0.1, (WINDOWS, 16000)).astype(np.float32)
    tensor, frontend = torch.from_numpy(waveforms), Frontend(FeaturesConfig())
    plain = numpy_variant()
    variants = {
        "kws-foundry": lambda: frontend(tensor).numpy(),
        "kaldi-native-fbank": lambda: kaldi(waveforms),
        "numpy": lambda: plain(waveforms),
    }
    results = {name: compute() for name, compute in variants.items()}
    times = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, compute in variants.items():
            start = time.perf_counter()
            compute()
            times[name].append(time.perf_counter() - start)
    ours = np.array(times["kws-foundry"])
    print(f"{'one core':<20} {'ms per second of audio':>22} {'x real time':>12} {'time / ours':>12} {'difference':>12}")
    for name in variants:
        per_second = np.median(times[name]) / WINDOWS
        ratio = np.median(np.array(times[name]) / ours)
        difference = np.abs(results[name] - results["kws-foundry"]).max()
        print(f"{name:<20} {1000 * per_second:>22.3f} {1 / per_second:>12.0f} {ratio:>12.2f} {difference:>12.1e}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
