"""Rows of a selection as one memory-mapped local array: training needs random access that parts do not give."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Array = NDArray[Any]


def mapped_rows(selection: pa.Table, path: Path, read: Callable[[int, Rows, Rows], Array], empty: Array) -> Array:
    """An array `[rows of the selection, ...]`, read-only; built once a node, then mapped by all processes of it.

    Args:
        selection: its columns `part` and `row` say where each row comes from.
        path: the array's file. It appears only when it is complete.
        read: `read(part, rows, targets)` gives `rows` of a part, which are the rows `targets` of the selection.
        empty: what an empty selection has, of the right type.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.npy")
        try:
            _build(selection, temporary, read, empty)
            os.replace(temporary, path)  # noqa: PTH105 - atomic when two builders finish at once
        finally:
            temporary.unlink(missing_ok=True)
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _build(selection: pa.Table, path: Path, read: Callable[[int, Rows, Rows], Array], empty: Array) -> None:
    parts = selection["part"].to_numpy()
    order = np.argsort(parts, kind="stable")
    numbers, firsts = np.unique(parts[order], return_index=True)
    ends = np.searchsorted(parts[order], numbers, side="right")
    places = selection["row"].to_numpy().astype(np.int64)
    array: np.memmap[Any, Any] | None = None
    for part, first, end in zip(numbers.tolist(), firsts, ends, strict=True):
        targets = order[first:end]
        values = read(part, places[targets], targets)
        if array is None:
            shape = (selection.num_rows, *values.shape[1:])
            array = np.lib.format.open_memmap(path, mode="w+", dtype=values.dtype, shape=shape)
        array[targets] = values
    if array is None:
        np.save(path, empty, allow_pickle=False)
    else:
        array.flush()
