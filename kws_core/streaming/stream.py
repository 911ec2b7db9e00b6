"""Training rows as blocks that are read one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.errors import StoreError
from kws_core.manifest import Manifest
from kws_core.store import Store
from kws_core.streaming.buckets import STAGE, Bucket

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that are read at once: a part of the dataset `training_buckets`."""

    rows: Rows
    """Of the training data, in the order that reading gives them."""
    shard: int
    group: int


@dataclass(frozen=True, eq=False)
class TrainingStream:
    """Blocks of training rows and how to read one; no row is in two."""

    blocks: tuple[Block, ...]
    fill: Callable[[int, NDArray[Any]], None]
    """`fill(block, out)` reads a block into `out [rows of the block, ...]`; called from several threads."""
    row_shape: tuple[int, ...]
    dtype: type[np.float16] | type[np.int16]
    """float16: features `[time, coeff]`; int16: one second of sound `[samples]`."""
    window_bytes: int
    """The most that rows in memory may take, those being read ahead included."""

    @property
    def row_bytes(self) -> int:
        """Bytes of one row in memory."""
        return int(np.prod(self.row_shape)) * np.dtype(self.dtype).itemsize


def open_stream(
    store: Store,
    manifest: Manifest,
    buckets: Sequence[Bucket],
    first_row: int,
    features: FeaturesConfig,
    window_bytes: int,
) -> TrainingStream:
    """The stream of a dataset of buckets; row 0 of the bucketed selection is row `first_row` of the training data.

    Raises:
        StoreError: the dataset is not that of the buckets.
    """
    if [bucket.key for bucket in buckets] != [part.key for part in manifest.parts]:
        raise StoreError(
            f"the dataset {STAGE} {manifest.fingerprint[:12]} does not belong to the selection and the configuration"
        )
    column = buckets[0].column

    def fill(number: int, out: NDArray[Any]) -> None:
        table = store.read_part(STAGE, manifest.parts[number], ["segment_id", column])
        if table["segment_id"].to_pylist() != list(buckets[number].segment_ids):
            raise StoreError(f"part {manifest.parts[number].key[:12]} of {STAGE} holds other segments than it should")
        start = 0
        for chunk in table[column].chunks:
            out[start : start + len(chunk)] = chunk.to_numpy_ndarray()
            start += len(chunk)

    sound = column == "audio"
    return TrainingStream(
        blocks=tuple(Block(bucket.rows + first_row, bucket.shard, bucket.group) for bucket in buckets),
        fill=fill,
        row_shape=(SAMPLE_RATE_HZ,) if sound else (features.frames, features.coefficients),
        dtype=np.int16 if sound else np.float16,
        window_bytes=window_bytes,
    )
