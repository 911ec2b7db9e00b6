"""Selected features as one memory-mapped local array: training needs random access that parts do not give."""

import os
import uuid
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.manifest import Manifest
from kws_core.store import Store


def cached_features(
    store: Store, features: Manifest, selection: pa.Table, folder: Path, key: str
) -> NDArray[np.float16]:
    """Features `[rows of the selection, time, coeff]`, read-only; built once a node and key, then mapped.

    Trials on the same node share its pages.
    """
    path = folder / f"{key}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{key}.{uuid.uuid4().hex}.npy"
        try:
            _build(store, features, selection, temporary)
            os.replace(temporary, path)  # noqa: PTH105 - atomic when two builders finish at once
        finally:
            temporary.unlink(missing_ok=True)
    mapped: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def read_features(table: pa.Table) -> NDArray[np.float16]:
    """The column `features` of a part as `[rows, time, coeff]`."""
    column = table["features"].combine_chunks()
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    values: NDArray[np.float16] = chunk.to_numpy_ndarray()
    return values


def _build(store: Store, features: Manifest, selection: pa.Table, path: Path) -> None:
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    pairs = zip(selection["part"].to_pylist(), selection["row"].to_pylist(), strict=True)
    for target, (part, row) in enumerate(pairs):
        places[part].append((target, row))
    array: np.memmap[tuple[int, ...], np.dtype[np.float16]] | None = None
    for part, wanted in sorted(places.items()):
        values = read_features(store.read_part(features.stage, features.parts[part], ["features"]))
        if array is None:
            shape = (selection.num_rows, *values.shape[1:])
            array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        targets, rows = np.array(wanted).T
        array[targets] = values[rows]
    if array is None:
        np.save(path, np.empty((0, 1, 1), np.float16), allow_pickle=False)
    else:
        array.flush()
