"""Rows of a selection as one memory-mapped local array: training needs random access that parts do not give."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from kws_core.errors import StoreError

Rows = NDArray[np.int64]
Array = NDArray[Any]


def mapped_rows(selection: pa.Table, path: Path, read: Callable[[int, Rows, Rows], Array], empty: Array) -> Array:
    """An array `[rows of the selection, ...]`, read-only; built once a node, then mapped by all processes of it.

    Args:
        selection: its columns `part` and `row` say where each row comes from.
        path: the array's file. It appears only when it is complete.
        read: `read(part, rows, targets)` gives `rows` of a part, which are the rows `targets` of the selection.
        empty: what an empty selection has, of the right type.

    Raises:
        StoreError: the file cannot be written: the disk is full, or the folder not ours.
    """
    if not path.exists():
        with built(path) as temporary:
            _build(selection, temporary, read, empty)
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


@contextmanager
def built(path: Path) -> Iterator[Path]:
    """A temporary name, whose file becomes `path` when the block ends; nothing is left when it raises.

    Raises:
        StoreError: the file cannot be written: the disk is full, or the folder not ours.
    """
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105 - atomic when two builders finish at once
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"the cache {path} cannot be written: {reason}; run it again when it can") from error
    finally:
        temporary.unlink(missing_ok=True)


def new_mapped(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> "np.memmap[Any, Any]":
    """A new file as a memory-mapped array of zeros.

    Its room on the disk is taken at once, since a write to a mapped page that finds none kills the process. Raises
    `OSError` where there is not enough.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


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
            array = new_mapped(path, values.dtype, shape)
        array[targets] = values
    if array is None:
        np.save(path, empty, allow_pickle=False)
    else:
        array.flush()
