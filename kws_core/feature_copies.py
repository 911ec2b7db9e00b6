"""Augmented copies among the rows that training learns from."""

import numpy as np
import pyarrow as pa

from kws_core.errors import StoreError
from kws_core.manifest import Manifest
from kws_core.store import Store

COPY = "copy"
"""Column that tells copies in a selection: 0 is the segment as it is."""


def with_copies(store: Store, features: Manifest, selection: pa.Table) -> pa.Table:
    """The selection with the column `copy`, and after its rows the copies of its training rows, segment by segment.

    A copy has its segment's columns, but `word_s`: where the sound was made slower the word became longer.

    Raises:
        StoreError: a training row has no copies in the dataset.
    """
    plain = selection.append_column(COPY, pa.array(np.zeros(selection.num_rows, np.int32)))
    trained = np.array(selection["split"].to_pylist()) == "train"
    trained &= selection["label_id"].to_numpy() >= 0
    numbers = selection["part"].to_numpy()
    tables = [plain]
    for number in np.unique(numbers[trained]).tolist():
        chosen = np.flatnonzero(trained & (numbers == number))
        part = store.read_part(features.stage, features.parts[number], ["segment_id", COPY, "stretch"])
        part = part.filter(pa.compute.greater(part[COPY], 0))
        copies = dict[str, list[tuple[int, float]]]()
        for segment_id, copy, stretch in zip(*(column.to_pylist() for column in part.columns), strict=True):
            copies.setdefault(segment_id, []).append((copy, stretch))
        rows: list[int] = []
        made: list[tuple[int, float]] = []
        for row, segment_id in zip(chosen.tolist(), selection["segment_id"].take(chosen).to_pylist(), strict=True):
            if segment_id not in copies:
                raise StoreError(f"part {number} of the features has no copies of {segment_id}, which is trained on")
            made += copies[segment_id]
            rows += [row] * len(copies[segment_id])
        added = plain.take(pa.array(rows))
        numbers_of_copies, stretches = (np.array(values) for values in zip(*made, strict=True))
        added = added.set_column(added.column_names.index(COPY), COPY, pa.array(numbers_of_copies.astype(np.int32)))
        longer = added["word_s"].to_numpy() * stretches
        tables.append(added.set_column(added.column_names.index("word_s"), "word_s", pa.array(longer)))
    return pa.concat_tables(tables)
