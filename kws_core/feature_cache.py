"""Selected features as one memory-mapped local array."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.manifest import Manifest
from kws_core.mapped_cache import Array, Rows, mapped_rows
from kws_core.store import Store


def cached_features(
    store: Store, features: Manifest, selection: pa.Table, folder: Path, key: str
) -> NDArray[np.float16]:
    """Features `[rows of the selection, time, coeff]`, read-only; built once a node and key, then mapped.

    Trials on the same node share its pages.
    """

    def read(part: int, rows: Rows, targets: Rows) -> Array:
        return read_features(store.read_part(features.stage, features.parts[part], ["features"]))[rows]

    return mapped_rows(selection, folder / f"{key}.npy", read, np.empty((0, 1, 1), np.float16))


def read_features(table: pa.Table) -> NDArray[np.float16]:
    """The column `features` of a part as `[rows, time, coeff]`."""
    column = table["features"].combine_chunks()
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    values: NDArray[np.float16] = chunk.to_numpy_ndarray()
    return values
