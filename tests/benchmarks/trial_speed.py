"""How long 20,000 trials take to score and summarise; exits 1 when the figures without intervals take 0.5 s or more.

Run: `python tests/benchmarks/trial_speed.py` where the project is installed.
"""

import sys
import time

import numpy as np

from kws_core.evaluation.trials import score_pairs, summarise_trials

TRIALS, SEGMENTS, DIM, SPEAKERS = 20_000, 10_000, 64, 100
LIMIT_S = 0.5


def main() -> int:
    random = np.random.default_rng(0)
    labels = random.integers(0, 500, SEGMENTS)
    embeddings = (random.normal(size=(500, DIM))[labels] + random.normal(size=(SEGMENTS, DIM))).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    left, right = random.integers(0, SEGMENTS, (2, TRIALS))
    rows = np.arange(TRIALS // 2)
    right[rows] = [random.choice(np.flatnonzero(labels == label)) for label in labels[left[rows]]]
    same = labels[left] == labels[right]
    speakers = np.array([f"speaker-{i % SPEAKERS:03d}" for i in range(SEGMENTS)])

    def run(replicates: int) -> None:
        scores = score_pairs(embeddings, left, right)
        summarise_trials(
            scores,
            same,
            speakers[left],
            speakers[right],
            test_set="in-vocabulary",
            speaker_policy="any",
            replicates=replicates,
        )

    print(f"{TRIALS} trials, {SEGMENTS} embeddings of {DIM} dimensions, {SPEAKERS} speakers; best of 3")
    print(f"{'replicates':>10}  {'seconds':>8}")
    best = {}
    for replicates in (0, 200):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            run(replicates)
            times.append(time.perf_counter() - start)
        best[replicates] = min(times)
        print(f"{replicates:>10}  {best[replicates]:>8.3f}")
    return int(best[0] >= LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
