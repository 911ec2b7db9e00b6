"""Memory of this process and of the Ray workers below it, as the kernel tells it."""

import threading
from pathlib import Path


def peak_mb() -> float:
    """The largest resident set that this process ever had."""
    return _status_kb("self", "VmHWM") / 1024


class WorkerMemory:
    """The largest resident set of any Ray worker below this process while it is open."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "WorkerMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            for process in descendants("self"):
                try:
                    if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::"):
                        self.peak_mb = max(self.peak_mb, _status_kb(process, "VmRSS") / 1024)
                except (OSError, RuntimeError):  # it has ended
                    continue


def descendants(process: str) -> list[str]:
    """Process ids of the children, and theirs."""
    found: list[str] = []
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def _status_kb(process: str, field: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise RuntimeError(f"the kernel does not tell {field} of process {process}")
