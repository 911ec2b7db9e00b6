"""Training on a stream of parts against training on the mapped cache: samples a second and development EER.

    python tests/benchmarks/stream_speed.py

The same synthetic rows (patterns of classes under noise, speakers in parts), the same encoder and seeds. The stream
reads real Parquet parts of a store on the local disk through a window of a quarter of the rows, so that each epoch
reads everything anew; the cache is a mapped array that lies in the page cache. Seconds are of whole runs, judging
included, which is the same in both: of the processor on a CPU, the reading threads' share included, and on the wall
with a GPU.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from kws_core.config import (
    EncoderConfig,
    FeaturesConfig,
    LossConfig,
    SamplingConfig,
    StreamConfig,
    TrainingConfig,
    TrainingSpec,
)
from kws_core.feature_cache import cached_features
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, SELECTION, features_schema
from kws_core.store import Store
from kws_core.streaming import STAGE, bucketed_selection, make_shard, open_stream, plan_buckets
from kws_core.training import fit
from kws_core.training_data import TrainingData

CLASSES, PARTS, ROWS, SEEDS, EPOCHS = 20, 16, 120, 3, 4
FEATURES = FeaturesConfig()
SHAPE = (FEATURES.frames, FEATURES.coefficients)
ENCODER = EncoderConfig(name="res15", maps=12, stem_pooling=(4, 3), embedding_dim=16)
SETUPS = {
    "shuffled, AM-softmax": (SamplingConfig(), LossConfig(name="am_softmax")),
    "episodes 8 x 4, angular prototypical": (SamplingConfig(name="episodes"), LossConfig(name="angular_prototypical")),
}
NOISE = 6.0


def make_store(folder):
    """Parts of features, each of one speaker, and their selection; every fourth speaker is held out."""
    store, rng = Store(str(folder)), np.random.default_rng(0)
    patterns = rng.normal(size=(CLASSES, *SHAPE))
    parts, rows = [], []
    for speaker in range(PARTS):
        labels, voice = rng.integers(0, CLASSES, ROWS), rng.normal(size=SHAPE)
        values = (patterns[labels] + voice + NOISE * rng.normal(size=(ROWS, *SHAPE))).astype(np.float16)
        ids = [f"{speaker}-{row}" for row in range(ROWS)]
        table = pa.table([ids, pa.FixedShapeTensorArray.from_numpy_ndarray(values)], schema=features_schema(*SHAPE))
        parts.append(store.write_part("features", f"f{speaker}", "a", PartOutput(table, QUARANTINE.empty_table())))
        for row, label in enumerate(labels.tolist()):
            rows.append(
                {"segment_id": ids[row], "part": speaker, "row": row, "corpus": "a", "speaker_id": str(speaker)}
                | {"label": f"word {label}", "label_id": label, "word_s": 0.4, "role": "non-target"}
                | {"split": "development" if speaker % 4 == 0 else "train"}
            )
    return store, Manifest("features", 1, tuple(parts)), pa.Table.from_pylist(rows, schema=SELECTION)


def make_data(store, features, selection, folder):
    """The same rows as cached and as streamed training data."""
    held = selection.filter(pa.compute.equal(selection["split"], "development"))
    rows = bucketed_selection(selection)
    ordered = pa.concat_tables([held, rows])
    labels, first = ordered["label_id"].to_numpy().astype(np.int64), held.num_rows
    left, right = np.triu_indices(first, 1)
    chosen = np.random.default_rng(1).choice(len(left), 20_000, replace=False)
    left, right = left[chosen], right[chosen]
    cached = TrainingData(
        features=cached_features(store, features, ordered, folder, "cache"),
        label_ids=labels,
        word_frames=np.tile(np.array([30, 70]), (len(labels), 1)),
        train=np.arange(first, len(labels)),
        trials={"development": (left, right, labels[left] == labels[right])},
        classes=CLASSES,
    )
    started = time.perf_counter()
    row_bytes = 2 * int(np.prod(SHAPE))
    window_bytes = len(cached.train) * row_bytes // 4
    config = StreamConfig(shard_mib=2 * ROWS * row_bytes / 2**20, label_groups=4)
    buckets = plan_buckets(rows, features, "features", config)
    parts = []
    for shard in sorted({bucket.shard for bucket in buckets}):
        own = [bucket for bucket in buckets if bucket.shard == shard]
        for bucket, output in zip(own, make_shard(store, own), strict=True):
            parts.append(store.write_part(STAGE, bucket.key, "a", output))
    seconds = time.perf_counter() - started
    rate = len(cached.train) * row_bytes / 2**20 / seconds
    print(f"{len(cached.train)} rows rewritten into {len(parts)} parts in {seconds:.2f} s, {rate:.0f} MiB/s")
    stream = open_stream(store, Manifest(STAGE, 1, tuple(parts)), buckets, first, FEATURES, window_bytes)
    held_features = cached_features(store, features, held, folder, "held")
    return {"cache": cached, "stream": replace(cached, features=held_features, stream=stream)}


def measure(data, sampling, loss, device):
    """Median samples a second and the development EER of each seed, in both modes, which take turns."""
    training = TrainingConfig(epochs=EPOCHS, batch_size=32, learning_rate=3e-3)
    spec = TrainingSpec(features=FEATURES, encoder=ENCODER, sampling=sampling, loss=loss, training=training)
    rates, eers = {mode: [] for mode in data}, {mode: [] for mode in data}
    for seed in range(SEEDS):
        for mode, rows in data.items():
            clock = time.perf_counter if device == "cuda" else time.process_time  # other work disturbs it less
            started = clock()
            result = fit(rows, spec, seed, device=device)
            rates[mode].append(EPOCHS * len(rows.train) / (clock() - started))
            eers[mode].append(result.delivered.development_eer)
    return rates, eers


def main():
    torch.set_num_threads(1)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    with tempfile.TemporaryDirectory() as folder:
        data = make_data(*make_store(Path(folder) / "store"), Path(folder))
        close = True
        for device in devices:
            for name, (sampling, loss) in SETUPS.items():
                rates, eers = measure(data, sampling, loss, device)
                print(f"\n{device}, {name}, {SEEDS} seeds of {EPOCHS} epochs")
                for mode in data:
                    found = np.array(eers[mode])
                    listed = f"{found.mean():.2%} ± {found.std():.2%}"
                    print(f"  {mode:<7} {np.median(rates[mode]):>8,.0f} samples/s   development EER {listed}")
                noise = max(np.std(eers["cache"]), np.std(eers["stream"]), 0.005)
                close &= bool(abs(np.mean(eers["stream"]) - np.mean(eers["cache"])) <= 2 * noise)
    if len(devices) == 1:
        print("\nno CUDA device here: streaming to a GPU was not measured")
    return 0 if close else 1


if __name__ == "__main__":
    sys.exit(main())
