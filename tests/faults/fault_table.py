"""The table of `README.md` from what the cases measured: `python tests/faults/fault_table.py results.jsonl`."""

import json
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: written by fault_table.py -->", "<!-- end of the table -->"
HEADER = [
    "| fault | stage | what the user saw | how it ended | seconds | undisturbed | lost |",
    "|---|---|---|---|--:|--:|---|",
]


def main(results: str) -> None:
    """Replace the table; of a case that ran twice the last run counts."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in Path(results).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["fault"], row["stage"]] = row
    rows = sorted(found.values(), key=lambda row: row["case"])
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join([*HEADER, *map(_line, rows)])
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def _line(row: dict[str, Any]) -> str:
    cells = [row[name] for name in ("fault", "stage", "saw", "ended")]
    cells += [_seconds(row["seconds"]), _seconds(row["undisturbed_s"]), row["lost"]]
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
