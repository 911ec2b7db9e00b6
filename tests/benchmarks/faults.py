"""What a lost node or driver costs in each long stage of `kws retrain`: `python tests/benchmarks/faults.py`.

Runs `tests/flows/test_cluster_faults.py`, which fails when a result differs from that of an undisturbed run, and prints
the rows of the table of `infra/SCALING.md`. Takes ten minutes on two free cores.
"""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "flows" / "test_cluster_faults.py"
HEADER = ["| killed | when | what the user saw | from the beginning of the stage until done |", "|---|---|---|---|"]


def main() -> int:
    """Run the tests; returns their exit status."""
    command = [sys.executable, "-m", "pytest", "-m", "slow", "-s", "-q", str(TESTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        print("\n".join(HEADER))
        others = []
        for line in running.stdout:
            if line.startswith("| "):
                print(line, end="", flush=True)
            else:
                others.append(line)
    if running.returncode:
        sys.stderr.write("".join(others))
    return running.returncode


if __name__ == "__main__":
    sys.exit(main())
