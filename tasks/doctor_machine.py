"""The doctor on this machine: Python, torch and its GPUs, disk, memory, and the clock beside those of others."""

import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tasks.doctor import Finding

LEAST_PYTHON = (3, 11)
LEAST_DISK_GB = 5.0
"""The demo's store, cache and registry take 0.3 GB; an hour of speech takes 0.3 GB (infra/SCALING.md)."""
LEAST_MEMORY_GB = 2.0
"""The driver, Ray and one worker with torch."""
LARGEST_SKEW_S = 60.0
"""S3 refuses requests that are signed a quarter of an hour early or late; leases of the registry take 20 s."""


def python() -> Sequence[Finding]:
    """The interpreter."""
    said = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info[:2] < LEAST_PYTHON:
        advice = f"make the environment with Python {'.'.join(map(str, LEAST_PYTHON))} or newer"
        return [Finding(name="Python", state="wrong", said=said, advice=advice)]
    return [Finding(name="Python", state="ok", said=said)]


def torch() -> Sequence[Finding]:
    """torch, and the GPUs that it sees; without one everything runs on the CPU."""
    found = installed("torch")
    if not found:
        return [missing_package("torch", "torch")]
    import torch

    findings = [Finding(name="torch", state="ok", said=found)]
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
        return [*findings, Finding(name="GPU", state="ok", said=f"{names}, CUDA {torch.version.cuda}", needed=False)]
    built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is a CPU build"
    advice = "nothing, to run on the CPU; for a GPU: its driver, and a CUDA build of torch installed first"
    said = f"none is seen; {built}"
    return [*findings, Finding(name="GPU", state="missing", said=said, advice=advice, needed=False)]


def disk(folder: Path) -> Sequence[Finding]:
    """Free space where runs are kept."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    said = f"{free_gb:.1f} GB free at {there}"
    if free_gb < LEAST_DISK_GB:
        advice = f"have {LEAST_DISK_GB:g} GB free: kws gc shows what a store can do without"
        return [Finding(name="disk", state="wrong", said=said, advice=advice)]
    return [Finding(name="disk", state="ok", said=said)]


def memory() -> Sequence[Finding]:
    """Memory that is available, of the machine or of the container that this is."""
    lines = Path("/proc/meminfo")
    if not lines.exists():
        said = "this system does not tell"
        return [Finding(name="memory", state="missing", said=said, advice="look yourself", needed=False)]
    table = dict(line.split(":") for line in lines.read_text(encoding="utf-8").splitlines())
    gb = int(table["MemAvailable"].split()[0]) * 1024 / 1e9
    limit, used = (_number(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if limit is not None and used is not None:
        gb = min(gb, max(limit - used, 0) / 1e9)
    if gb < LEAST_MEMORY_GB:
        advice = f"have {LEAST_MEMORY_GB:g} GB available: end other programs, or set search.parallel_trials to 1"
        return [Finding(name="memory", state="wrong", said=f"{gb:.1f} GB available", advice=advice)]
    return [Finding(name="memory", state="ok", said=f"{gb:.1f} GB available")]


def clock(whose: str, ahead_s: float) -> Finding:
    """This machine's clock beside another's; `ahead_s` is how far this one is ahead."""
    said = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} {whose}"
    if abs(ahead_s) > LARGEST_SKEW_S:
        advice = "set the clocks by NTP: S3 refuses requests, and leases in the registry run out, when they differ"
        return Finding(name="clock", state="wrong", said=said, advice=advice)
    return Finding(name="clock", state="ok", said=f"within {LARGEST_SKEW_S:g} s of {whose}")


def installed(package: str) -> str:
    """The version of an installed package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def missing_package(name: str, package: str) -> Finding:
    """A package that is not installed."""
    advice = f"pip install 'kws-foundry[pipeline]', of which {package} is a part"
    return Finding(name=name, state="missing", said="not installed", advice=advice)


def _number(path: Path) -> int | None:
    """What a file of the kernel says, if it is a number."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
