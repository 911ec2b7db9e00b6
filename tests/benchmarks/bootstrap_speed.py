"""How long 1,000 bootstrap replicates over 200 speakers take; exits 1 when any takes 5 s or more of one core.

Run: `python tests/benchmarks/bootstrap_speed.py` where the project is installed.
"""

import sys
import time

import numpy as np

from kws_core.evaluation.detection import summarise_detection
from kws_core.evaluation.paired import compare_trials
from kws_core.evaluation.trials import summarise_trials

TRIALS, SEGMENTS, SPEAKERS, REPLICATES = 20_000, 20_000, 200, 1000
LIMIT_S = 5.0


def main() -> int:
    rng = np.random.default_rng(0)
    names = np.array([f"speaker-{number:03d}" for number in range(SPEAKERS)])
    left, right = names[rng.integers(0, SPEAKERS, (2, TRIALS))]
    same = rng.random(TRIALS) < 0.5
    scores = rng.normal(size=TRIALS) + 2 * same
    other = scores + 0.3 * rng.normal(size=TRIALS)
    truth = np.where(rng.random(SEGMENTS) < 0.5, rng.integers(0, 10, SEGMENTS), -1)
    decisions = np.where(rng.random(SEGMENTS) < 0.9, truth, -1)
    keywords = tuple(f"keyword{number}" for number in range(10))
    unseen, speakers = (truth < 0) & (rng.random(SEGMENTS) < 0.5), names[rng.integers(0, SPEAKERS, SEGMENTS)]
    options = {"replicates": REPLICATES, "seed": 0}
    work = {
        "trials": lambda: summarise_trials(scores, same, left, right, test_set="t", speaker_policy="any", **options),
        "detection": lambda: summarise_detection(
            decisions, truth, unseen, speakers, keywords, test_set="t", backend="b", **options
        ),
        "paired, half as many": lambda: compare_trials(scores, other, same, left, right, replicates=REPLICATES // 2),
    }
    print(f"{REPLICATES} replicates, {SPEAKERS} speakers, {TRIALS} trials or {SEGMENTS} segments; best of 3, CPU")
    worst = 0.0
    for name, run in work.items():
        times = []
        for _ in range(3):
            started = time.process_time()
            run()
            times.append(time.process_time() - started)
        print(f"{name:<22}{min(times):6.2f} s")
        worst = max(worst, min(times))
    return int(worst >= LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
