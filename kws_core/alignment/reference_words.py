"""Word times that somebody else found: a TSV with the columns `path index word start_s end_s`."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from kws_core.errors import AlignmentError
from kws_core.schemas import WORDS

COLUMNS = ("path", "index", "word", "start_s", "end_s")


def read_reference_words(path: Path, utterance_ids: Mapping[str, str]) -> pa.Table:
    """Rows of the schema `WORDS`, for the recordings that `utterance_ids` knows by the TSV's `path`.

    Raises:
        AlignmentError: the file is missing, lacks a column, or a row has no number where one belongs.
    """
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(_read(path), start=2):
        utterance_id = utterance_ids.get(row["path"])
        if utterance_id is None:
            continue
        try:
            times = {"index": int(row["index"]), "start_s": float(row["start_s"]), "end_s": float(row["end_s"])}
        except (TypeError, ValueError) as error:
            raise AlignmentError(f"{path}: line {number}: {error}; index, start_s and end_s are numbers") from error
        unknown = dict.fromkeys(("score", "phone_duration_deviation", "disagreement_s"), math.nan)
        rows.append({"utterance_id": utterance_id, "word": row["word"], "aligner": path.name, **times, **unknown})
    return pa.Table.from_pylist(rows, schema=WORDS)


def reference_paths(path: Path) -> list[str]:
    """The recordings that the TSV names, each once; raises as `read_reference_words` does."""
    return list(dict.fromkeys(row["path"] for row in _read(path)))


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = [column for column in COLUMNS if column not in (table.fieldnames or ())]
            if missing:
                raise AlignmentError(
                    f"{path}: the column {', '.join(missing)} is missing; it needs {' '.join(COLUMNS)}"
                )
            return list(table)
    except OSError as error:
        raise AlignmentError(f"{path}: the word times cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise AlignmentError(f"{path}: the word times are not UTF-8 (byte {error.start})") from error
