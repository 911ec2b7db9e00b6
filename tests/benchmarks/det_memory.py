"""The DET curve over all pairs: time and memory by the number of embeddings; exits 1 where memory grows.

    python tests/benchmarks/det_memory.py [--sizes 5000 10000 20000 50000] [--dim 64] [--threads 2]

Every size runs in a process of its own; its memory is the kernel's highest mark (VmHWM) less that before the first
pair. 50,000 embeddings are 1.25 billion trials. CPU seconds tell what the machine did where others share it.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np
from process_memory import peak_mb

SIZES = (5000, 10_000, 20_000, 50_000)
GROWTH_MB = 64
"""What the largest size may take beyond the smallest and its own embeddings."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.dim, options.threads)))
        return 0
    print(f"{'embeddings':>10} {'trials':>15} {'seconds':>8} {'CPU s':>7} {'ns/trial':>9} {'MB':>6} {'EER':>8}")
    results = []
    for size in sorted(options.sizes):
        command = [sys.executable, __file__, "--dim", str(options.dim), "--threads", str(options.threads)]
        done = subprocess.run([*command, "--measure", str(size)], check=True, stdout=subprocess.PIPE, text=True)
        result = json.loads(done.stdout)
        results.append(result)
        print(
            f"{size:>10,} {result['trials']:>15,} {result['seconds']:>8.1f} {result['cpu_s']:>7.1f} "
            f"{1e9 * result['seconds'] / result['trials']:>9.1f} {result['memory_mb']:>6.0f} {result['eer']:>8.4%}"
        )
    grown = results[-1]["memory_mb"] - results[0]["memory_mb"] - results[-1]["embeddings_mb"]
    print(f"memory beyond the embeddings grew by {max(grown, 0):.0f} MB; at most {GROWTH_MB} MB are accepted")
    return int(grown > GROWTH_MB)


def measure(size: int, dim: int, threads: int) -> dict[str, float]:
    import torch

    from kws_core.evaluation.all_pairs import all_pairs_det

    torch.set_num_threads(threads)
    random = np.random.default_rng(0)
    labels = random.integers(0, 500, size)
    embeddings = random.normal(size=(500, dim)).astype(np.float32)[labels]
    embeddings += random.normal(size=(size, dim)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    all_pairs_det(embeddings[:4], np.array([0, 0, 1, 1]))  # what only the first call loads
    before = peak_mb()
    started, cpu = time.perf_counter(), time.process_time()
    found = all_pairs_det(embeddings, labels)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "trials": found.trials,
        "eer": found.curve.eer,
        "memory_mb": peak_mb() - before,
        "embeddings_mb": embeddings.nbytes / 2**20,
    }


if __name__ == "__main__":
    sys.exit(main())
