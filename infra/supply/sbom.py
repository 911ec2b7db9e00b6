"""`python -m infra.supply.sbom [PATH]`: a CycloneDX 1.6 bill of everything installed, and the list of licences.

The bill, with the texts of the licences, goes to the path (`runs/sbom.json`); the list is `LICENSES.md` beside this
file.
"""

import json
import sys
from pathlib import Path
from typing import Any

from infra.supply.licences import licences, page, read_facts
from infra.supply.pins import read_packages
from infra.supply.tools import LOCK, ROOT, last_line, run_tool, torch_pin
from kws_core.atomic_file import write_atomically
from kws_core.errors import ConfigError, KwsError

LIST = Path(__file__).with_name("LICENSES.md")


def bill_of_materials(python: str) -> dict[str, Any]:
    """What is installed beside a Python interpreter, as CycloneDX 1.6; raises `ConfigError` when it cannot be told."""
    options = ("--spec-version", "1.6", "--output-format", "JSON", "--output-reproducible", "--gather-license-texts")
    about = ("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application")
    done = run_tool("cyclonedx-py", "environment", *options, *about, python)
    if done.returncode != 0:
        raise ConfigError(f"cyclonedx-py could not list what is installed: {last_line(done.stderr)}")
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def main(arguments: list[str]) -> None:
    """Write the bill and the list."""
    path = Path(arguments[0]) if arguments else ROOT / "runs" / "sbom.json"
    bill = bill_of_materials(sys.executable)
    write_atomically(path, json.dumps(bill, indent=1).encode())
    listed = licences(bill, [*read_packages(LOCK), torch_pin()], read_facts())
    write_atomically(LIST, page(listed).encode())
    copyleft = sum(1 for one in listed if one.use)
    sys.stdout.write(f"{path}: {len(bill['components'])} components; {LIST.name}: {len(listed)}, {copyleft} copyleft\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KwsError as error:
        sys.exit(f"error: {error}")
