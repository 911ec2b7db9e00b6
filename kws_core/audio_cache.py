"""Selected segments as one memory-mapped local array of sound, the word in the middle of each second."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.embeddings import segment_window
from kws_core.errors import StoreError
from kws_core.features.window import INT16_SCALE
from kws_core.manifest import Manifest
from kws_core.mapped_cache import Array, Rows, mapped_rows
from kws_core.store import Store

COLUMNS = ["segment_id", "start_s", "word_start_s", "word_end_s", "audio"]


def cached_audio(store: Store, segments: Manifest, selection: pa.Table, folder: Path, key: str) -> NDArray[np.int16]:
    """Windows `[rows of the selection, 16000]` of the segments, read-only; built once a node and key, then mapped.

    These are the windows that features are computed of: zero where the cut ends before they do.

    Raises:
        StoreError: a row of the selection is not the segment of that name in the dataset.
    """
    ids = np.array(selection["segment_id"].to_pylist())

    def read(part: int, rows: Rows, targets: Rows) -> Array:
        table = store.read_part(segments.stage, segments.parts[part], COLUMNS)
        return audio_windows(table, rows, ids[targets].tolist(), f"part {part}")

    return mapped_rows(selection, folder / f"{key}.npy", read, np.empty((0, SAMPLE_RATE_HZ), np.int16))


def audio_windows(table: pa.Table, rows: Rows, segment_ids: Sequence[str], name: str) -> NDArray[np.int16]:
    """Windows `[rows, 16000]` of rows of a part of segments, whose columns are `COLUMNS`.

    Raises:
        StoreError: a row of the selection is not the segment of that id; `name` says in which part.
    """
    if rows.max() >= table.num_rows:
        raise StoreError(f"{name} of the segments has {table.num_rows} rows, the selection wants row {rows.max()}")
    chosen = table.take(pa.array(rows)).to_pylist()
    for row, segment_id in zip(chosen, segment_ids, strict=True):
        if row["segment_id"] != segment_id:
            raise StoreError(
                f"the selection does not belong to the segments: it has {segment_id} where they have "
                f"{row['segment_id']}"
            )
    windows = np.stack([segment_window(row) for row in chosen]) * INT16_SCALE  # exact: both are whole numbers
    return windows.astype(np.int16)
