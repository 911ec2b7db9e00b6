"""Pins of a lock: a name, a version and the SHA-256 of every file that may be installed for it."""

import re
from dataclasses import dataclass
from pathlib import Path

from kws_core.atomic_file import write_atomically
from kws_core.errors import ConfigError

PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[(?P<extras>[\w.,-]+)\])?==(?P<version>[\w.!+-]+)(\s+--hash=\S+)*")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)")


@dataclass(frozen=True)
class Pin:
    """One line of a lock, as it is written there."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    """Of a row beside the package's own: with hashes, pip takes `NAME[EXTRA]` only where it is pinned as such, too."""

    @property
    def key(self) -> str:
        """The name by which an index knows it: lower case, and one hyphen for every run of `-`, `_` and `.`."""
        return canonical(self.name)

    @property
    def title(self) -> str:
        """The name with the extras."""
        return f"{self.name}[{','.join(self.extras)}]" if self.extras else self.name


def canonical(name: str) -> str:
    """A package's name in the one spelling that all others are compared in."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(path: Path) -> list[Pin]:
    """The pins of a lock, in its order; lines that begin with `#` are comments.

    Raises:
        ConfigError: a row is no `NAME==VERSION` with hashes of SHA-256, or two rows contradict or repeat each other.
    """
    pins: dict[tuple[str, tuple[str, ...]], Pin] = {}
    for number, row in _rows(path):
        found = PIN.fullmatch(row)
        hashes = tuple(HASH.findall(row))
        if found is None or len(hashes) != row.count("--hash="):
            raise ConfigError(f"{path} row {number}: {row[:80]!r} is no pin; NAME==VERSION --hash=sha256:… is accepted")
        pin = Pin(found["name"], found["version"], hashes, tuple(found["extras"].split(",")) if found["extras"] else ())
        if (pin.key, pin.extras) in pins:
            raise ConfigError(f"{path} row {number}: {pin.name} is pinned twice")
        pins[pin.key, pin.extras] = pin
    for pin in pins.values():
        of_package = pins.get((pin.key, ()))
        if of_package is None or of_package.version != pin.version:
            raise ConfigError(f"{path}: {pin.title}=={pin.version} is pinned without {pin.name}=={pin.version}")
    return list(pins.values())


def read_packages(path: Path) -> list[Pin]:
    """The pins of a lock, one a package; see `read_pins`."""
    return [pin for pin in read_pins(path) if not pin.extras]


def write_pins(path: Path, pins: list[Pin]) -> None:
    """Write a lock: one hash a line, sorted, so that two locks can be compared line by line."""
    write_atomically(path, "".join(map(_lines, pins)).encode())


def _lines(pin: Pin) -> str:
    hashes = [f"--hash=sha256:{one}" for one in sorted(pin.hashes)]
    return " \\\n    ".join([f"{pin.title}=={pin.version}", *hashes]) + "\n"


def _rows(path: Path) -> list[tuple[int, str]]:
    """What a backslash at the end continues, as one row with the number of its first line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    rows: list[tuple[int, str]] = []
    continued = False
    for number, line in enumerate(lines, 1):
        text = line.strip()
        part = text.removesuffix("\\").strip()
        if continued:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {part}")
        elif part and not part.startswith("#"):
            rows.append((number, part))
        continued = text.endswith("\\")
    return rows
