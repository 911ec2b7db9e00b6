"""`python -m infra.supply.lock [LOCK]...`: writes the hashes of every pin into locks.

The pins are a person's; the hashes are those of every wheel, for any platform and Python from 3.11 on, that the index
which pip is set up with lists for that version, and of the source archive where there is no wheel. pip then refuses a
file that is not one of them.
"""

import sys
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.supply.pins import Pin, canonical, read_pins, write_pins
from infra.supply.tools import LOCK, TOOLS_LOCK, last_line, pip_setting, run_tool
from kws_core.errors import ConfigError, KwsError


def with_hashes(pins: list[Pin]) -> list[Pin]:
    """The same pins with the hashes that the index lists for them.

    Raises:
        ConfigError: the index cannot be reached, or lacks a version or its files.
    """
    listed = _listed(pins)
    hashed = []
    for pin in pins:
        package = listed.get(pin.key, {})
        if package.get("version") != pin.version:
            raise ConfigError(f"{pin.name}: {pin.version} is pinned and the index has {package.get('version')}")
        files = package.get("wheels") or [package[kind] for kind in ("sdist", "archive") if kind in package]
        hashes = tuple(file["hashes"]["sha256"] for file in files)
        if not hashes:
            raise ConfigError(f"{pin.name}=={pin.version}: the index lists no file of it")
        hashed.append(replace(pin, hashes=hashes))
    return hashed


def _listed(pins: list[Pin]) -> dict[str, dict[str, Any]]:
    """What uv found of each pin, by canonical name, in the form of PEP 751: no dependency is added, nothing built."""
    index, certificates = pip_setting("index-url"), pip_setting("cert")
    with tempfile.TemporaryDirectory() as folder:
        wanted, found = Path(folder) / "pins.txt", Path(folder) / "pylock.toml"
        write_pins(wanted, [Pin(pin.name, pin.version) for pin in pins if not pin.extras])
        options = ["--no-deps", "--universal", "--python-version", "3.11", "--no-config", "--no-cache", "--quiet"]
        options += ["--default-index", index] if index else []
        done = run_tool(
            "uv", "pip", "compile", *options, "--format", "pylock.toml", "--output-file", str(found), str(wanted),
            env={"SSL_CERT_FILE": certificates} if certificates else None,
        )  # fmt: skip
        if done.returncode != 0:
            raise ConfigError(
                f"the index could not be asked for the files of {len(pins)} pins: {last_line(done.stderr)}"
            )
        packages = tomllib.loads(found.read_text(encoding="utf-8"))["packages"]
    return {canonical(package["name"]): package for package in packages}


def main(arguments: list[str]) -> None:
    """Write the hashes into the locks that are named, or into both of ours."""
    for path in [Path(argument) for argument in arguments] or [LOCK, TOOLS_LOCK]:
        pins = with_hashes(read_pins(path))
        write_pins(path, pins)
        sys.stdout.write(f"{path.name}: {len(pins)} pins, {sum(len(pin.hashes) for pin in pins)} hashes\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KwsError as error:
        sys.exit(f"error: {error}")
