"""Selected features as one memory-mapped local array."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.errors import StoreError
from kws_core.feature_copies import COPY
from kws_core.manifest import Manifest
from kws_core.mapped_cache import Array, Rows, mapped_rows
from kws_core.store import Store


def cached_features(
    store: Store, features: Manifest, selection: pa.Table, folder: Path, key: str
) -> NDArray[np.float16]:
    """Features `[rows of the selection, time, coeff]`, read-only; built once a node and key, then mapped.

    Trials on the same node share its pages. Rows are found by their segment, and by the column `copy` of the selection
    where it has one (`feature_copies.with_copies`).

    Raises:
        StoreError: a segment of the selection has no features.
    """
    ids = selection["segment_id"].to_pylist()
    copies = selection[COPY].to_pylist() if COPY in selection.column_names else [0] * len(ids)

    def read(part: int, rows: Rows, targets: Rows) -> Array:
        table = store.read_part(features.stage, features.parts[part], ["segment_id", "features"])
        first: dict[str, int] = {}  # the copies of a segment follow it
        for row, segment_id in enumerate(table["segment_id"].to_pylist()):
            first.setdefault(segment_id, row)
        missing = [ids[target] for target in targets.tolist() if ids[target] not in first]
        if missing:
            raise StoreError(
                f"part {part} of the features has no segment {missing[0]}, which the selection has: it was rejected "
                "there (see its quarantine), or the two datasets do not belong together"
            )
        return read_features(table)[[first[ids[target]] + copies[target] for target in targets.tolist()]]

    return mapped_rows(selection, folder / f"{key}.npy", read, np.empty((0, 1, 1), np.float16))


def read_features(table: pa.Table) -> NDArray[np.float16]:
    """The column `features` of a part as `[rows, time, coeff]`."""
    column = table["features"].combine_chunks()
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    values: NDArray[np.float16] = chunk.to_numpy_ndarray()
    return values
