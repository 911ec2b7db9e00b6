"""How much faster than real time two hours of streams are evaluated, by one thread.

    python tests/benchmarks/stream_evaluation_speed.py [ENCODER ...]

Two hours of noise with bursts, 12 keywords of which one is said every 20 s. Three parts are timed: embedding every
window (the encoders that are named, `bc_resnet_1`, `res15` of the demo and `universal` by default), scoring by the
centroid back end, and measuring (peaks at all thresholds, the curve, intervals). Embedding is measured on a shorter
stretch, both as evaluation does it (features once a frame, small batches) and window after window, as the spotter does
it. Seconds are of the processor, which other work disturbs less than the wall clock. Exits with 1 when the demo's
encoder does not reach 100 times real time.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from kws_core.backends.centroid import CentroidBackend
from kws_core.config import SAMPLE_RATE_HZ, EncoderConfig, FeaturesConfig
from kws_core.detector import HOP_S, stream_windows
from kws_core.encoders import build_encoder
from kws_core.evaluation.streams.facts import Event, StreamEmbeddings, StreamFacts
from kws_core.evaluation.streams.measures import evaluate_streams
from kws_core.evaluation.streams.scores import score_streams
from kws_core.incremental.stream_encoder import StreamEncoder
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.onnx_export import export_onnx
from kws_core.universal import universal_bundle_path

HOURS, KEYWORDS, EMBEDDED_S = 2, 12, 120
LEAST = 100
ENCODERS = {
    "bc_resnet_1": EncoderConfig(name="bc_resnet_1"),
    "res15": EncoderConfig(name="res15", maps=16, stem_pooling=(4, 3)),
    "bc_resnet_3": EncoderConfig(name="bc_resnet_3"),
}


def model(name, folder):
    """The bytes of an ONNX encoder, untrained but for the universal one, and its features."""
    if name == "universal":
        return (universal_bundle_path() / "encoder.onnx").read_bytes(), FeaturesConfig(kind="log_mel")
    torch.manual_seed(0)
    path = Path(folder) / "encoder.onnx"
    export_onnx(build_encoder(ENCODERS[name], FeaturesConfig()).eval(), FeaturesConfig(), path)
    return path.read_bytes(), FeaturesConfig()


def seconds(work):
    """Processor seconds of a call, the least of two, and its result."""
    taken = []
    for _ in range(2):
        started = time.process_time()
        result = work()
        taken.append(time.process_time() - started)
    return min(taken), result


def planted_stream(dim):
    """Two hours of embeddings: a direction of its own for each keyword around its events, noise elsewhere."""
    random = np.random.default_rng(0)
    windows = round(3600 * HOURS / HOP_S)
    names = tuple(f"keyword {number}" for number in range(KEYWORDS))
    directions = np.linalg.qr(random.normal(size=(dim, KEYWORDS)))[0].T
    values = random.normal(size=(windows, dim)).astype(np.float32) / np.sqrt(dim)
    events = []
    for place in range(250, windows - 250, 250):
        number = int(random.integers(KEYWORDS))
        values[place - 1 : place + 2] += random.uniform(0.2, 1.5) * directions[number]
        events.append(
            Event(names[number], place * HOP_S - 0.2, place * HOP_S + 0.2, 10.0, f"speaker {place % 40}", str(place))
        )
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    facts = StreamFacts("two hours", "keywords in noise", windows * HOP_S, tuple(events), ())
    return StreamEmbeddings(facts, values), CentroidBackend(names, directions.astype(np.float32))


def main():
    torch.set_num_threads(1)
    names = sys.argv[1:] or ["bc_resnet_1", "res15", "universal"]
    stream, backend = planted_stream(96)
    scoring_s, scores = seconds(lambda: score_streams([stream], backend))
    measuring_s, found = seconds(lambda: evaluate_streams(scores, backend.keywords, np.full(KEYWORDS, 0.5), 0))
    real_s = 3600 * HOURS
    print(f"{HOURS} h, {len(scores[0].scores):,} windows, {KEYWORDS} keywords, {len(stream.facts.events)} events")
    print(f"scoring by centroids {scoring_s:.2f} s; measures at all thresholds {measuring_s:.2f} s")
    print(f"FRR {found.frr.value:.1%}, {found.false_alarms.sentence('false alarm')}, {len(found.curve)} points kept")
    pcm = np.random.default_rng(1).normal(0, 0.05, EMBEDDED_S * SAMPLE_RATE_HZ).astype(np.float32)
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            content, features = model(name, folder)
            shared, whole = StreamEncoder(content, features), OnnxEncoder(content)
            ours_s, ours = seconds(lambda shared=shared: shared.embed(pcm))
            plain_s, plain = seconds(lambda whole=whole: whole.embed(stream_windows(pcm)))
            error = np.abs(ours - plain).max()
            ours_s, plain_s = (value * real_s / EMBEDDED_S for value in (ours_s, plain_s))
            rest_s = scoring_s + measuring_s
            print(
                f"{name:<12} embedding {ours_s:6.1f} s ({real_s / ours_s:4.0f} x real time), all in all "
                f"{real_s / (ours_s + rest_s):4.0f} x; window after window {plain_s:6.1f} s "
                f"({real_s / plain_s:4.0f} x); "
                f"largest difference {error:.0e}"
            )
            passed &= name != "res15" or real_s / (ours_s + rest_s) >= LEAST
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
