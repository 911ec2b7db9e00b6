"""`python -m infra.supply.audit`: looks every pin up in an advisory database, by pip-audit.

It needs the network to that database (pip-audit's default: the advisories of the Python package index). It ends with 0
where nothing is known against any pin, with 1 where something is, and with 2 where the database could not be asked, for
all pins or for some: pip-audit itself counts what it could not look up as nothing found.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.supply.pins import Pin, read_packages
from infra.supply.tools import LOCK, TOOLS_LOCK, last_line, run_tool, torch_pin
from kws_core.errors import ConfigError, KwsError

WEAK, UNKNOWN = 1, 2


@dataclass(frozen=True)
class Audit:
    """What the database says of a list of pins: one line an advisory, one a pin that it was not asked about."""

    weaknesses: tuple[str, ...]
    not_asked: tuple[str, ...]


def audit(pins: list[Pin]) -> Audit:
    """Ask the database about pins; raises `ConfigError` where it could not be asked about any of them."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, found = Path(folder) / "pins.txt", Path(folder) / "found.json"
        wanted.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
        options = ("--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json")
        done = run_tool("pip-audit", *options, "--output", str(found), "--requirement", str(wanted))
        if not found.exists():
            raise ConfigError(f"pip-audit could not ask the advisory database: {last_line(done.stderr)}")
        answers = json.loads(found.read_text(encoding="utf-8"))["dependencies"]
    if len(answers) != len(pins):
        raise ConfigError(f"pip-audit answered for {len(answers)} of {len(pins)} pins")
    return read_answers(answers)


def read_answers(answers: list[dict[str, Any]]) -> Audit:
    """Sort pip-audit's answers, one a pin; raises `ConfigError` where each of them was skipped."""
    not_asked = tuple(f"{one['name']}: {one['skip_reason']}" for one in answers if "skip_reason" in one)
    if len(not_asked) == len(answers):
        raise ConfigError(
            "the advisory database of pip-audit cannot be reached from here, so nothing is known of the pins; "
            f"run it where the package index answers for advisories ({not_asked[0]})"
        )
    weaknesses = tuple(
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none yet'}"
        for one in answers
        for found in one.get("vulns", [])
    )
    return Audit(weaknesses, not_asked)


def main() -> int:
    """Audit both locks and torch; returns the exit status."""
    locked = [*read_packages(LOCK), torch_pin()]
    audit(locked[:1])  # one look-up tells whether there is anyone to ask
    status = 0
    for title, pins in ((LOCK.name, locked), (TOOLS_LOCK.name, read_packages(TOOLS_LOCK))):
        found = audit(pins)
        for line in (*found.weaknesses, *found.not_asked):
            sys.stdout.write(f"{title}: {line}\n")
        asked = len(pins) - len(found.not_asked)
        sys.stdout.write(f"{title}: {len(found.weaknesses)} advisories for {asked} of {len(pins)} pins\n")
        status = max(status, WEAK if found.weaknesses else 0, UNKNOWN if found.not_asked else 0)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KwsError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(UNKNOWN)
