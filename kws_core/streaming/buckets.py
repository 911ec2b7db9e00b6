"""The dataset `training_buckets`: training rows of a shard of speech, one part for each group of labels.

A shard is a run of consecutive parts of one corpus, read once and held in memory while it is rewritten: no step needs
more than a shard, and what is new makes new shards only. Labels are hashed into groups, so that a new label moves none.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.audio_cache import COLUMNS as AUDIO_COLUMNS
from kws_core.audio_cache import audio_windows
from kws_core.config import StreamConfig
from kws_core.errors import StoreError
from kws_core.feature_cache import read_features
from kws_core.fingerprint import unit_interval
from kws_core.manifest import Manifest, Part, part_key
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, bucket_schema
from kws_core.store import Store

STAGE = "training_buckets"
VERSION = 1
MIB = 2**20

Rows = NDArray[np.int64]
Column = Literal["features", "audio"]


@dataclass(frozen=True, eq=False)
class Bucket:
    """One part to be: the training rows of one shard whose labels are of one group, shuffled by a hash."""

    key: str
    shard: int
    group: int
    column: Column
    """What is rewritten: stored features, or windows of sound."""
    source_stage: str
    sources: tuple[Part, ...]
    """The shard's parts that hold any row of this bucket."""
    rows: Rows
    """Rows of the bucketed selection, in the order of the part."""
    source: Rows
    """Index into `sources` of each row."""
    source_row: Rows
    segment_ids: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def corpus(self) -> str:
        """The corpus of the shard."""
        return self.sources[0].corpus


def bucketed_selection(selection: pa.Table) -> pa.Table:
    """The rows of a selection that are trained on: these are bucketed, and rows of buckets count them."""
    split, label_id = selection["split"], selection["label_id"]
    return selection.filter(pa.compute.and_(pa.compute.equal(split, "train"), pa.compute.greater_equal(label_id, 0)))


def plan_buckets(selection: pa.Table, source: Manifest, column: Column, config: StreamConfig) -> list[Bucket]:
    """Every bucket of a bucketed selection, by shard and group; those without rows are left out.

    Args:
        selection: its columns `part` and `row` say where each row lies in `source`.
        source: the dataset of features, or of segments where `column` is `audio`.
        column: what the buckets hold.
        config: number of label groups and size of shards.
    """
    places: NDArray[np.int64] = selection["part"].to_numpy().astype(np.int64)
    source_rows: NDArray[np.int64] = selection["row"].to_numpy().astype(np.int64)
    ids, labels = selection["segment_id"].to_pylist(), selection["label"].to_pylist()
    group_of_label = {label: label_group(label, config.label_groups) for label in set(labels)}
    groups = np.array([group_of_label[label] for label in labels], np.int64)
    hashes = np.array([_hash(segment_id) for segment_id in ids], np.uint64)
    shard_of_part = _shards(source.parts, config.shard_mib * MIB)
    shards = shard_of_part[places] if len(places) else places
    order = np.lexsort((hashes, groups, shards))
    starts = np.flatnonzero(np.diff(shards[order] * config.label_groups + groups[order], prepend=-1))
    buckets = []
    for rows in np.split(order, starts[1:]) if len(order) else []:
        used, index = np.unique(places[rows], return_inverse=True)
        segment_ids = tuple(ids[row] for row in rows.tolist())
        digest = hashlib.sha256("\n".join(segment_ids).encode()).hexdigest()
        sources = tuple(source.parts[part] for part in used.tolist())
        key = part_key(STAGE, VERSION, {"column": column, "rows": digest}, [part.key for part in sources])
        buckets.append(
            Bucket(
                key=key,
                shard=int(shards[rows[0]]),
                group=int(groups[rows[0]]),
                column=column,
                source_stage=source.stage,
                sources=sources,
                rows=rows,
                source=index.astype(np.int64),
                source_row=source_rows[rows],
                segment_ids=segment_ids,
                labels=tuple(labels[row] for row in rows.tolist()),
            )
        )
    return buckets


def make_shard(store: Store, buckets: Sequence[Bucket]) -> Iterator[PartOutput]:
    """The parts of buckets of one shard, in their order; each part of the source is read once.

    Raises:
        StoreError: a row of the selection is not the segment of that name in the source.
    """
    wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    parts: dict[str, Part] = {}
    for number, bucket in enumerate(buckets):
        for place, part in enumerate(bucket.sources):
            parts[part.key] = part
            wanted[part.key].append((number, place))
    values: list[NDArray[Any] | None] = [None] * len(buckets)
    for key, uses in wanted.items():
        bucket = buckets[uses[0][0]]
        columns = AUDIO_COLUMNS if bucket.column == "audio" else ["segment_id", "features"]
        table = store.read_part(bucket.source_stage, parts[key], columns)
        for number, place in uses:
            bucket = buckets[number]
            targets = np.flatnonzero(bucket.source == place)
            found = _read(table, bucket, targets, key)
            held = values[number]
            if held is None:
                held = values[number] = np.empty((len(bucket.rows), *found.shape[1:]), found.dtype)
            held[targets] = found
    for number, bucket in enumerate(buckets):
        held, values[number] = values[number], None
        if held is not None:
            yield PartOutput(_table(bucket, held), QUARANTINE.empty_table())


def label_group(label: str, groups: int) -> int:
    """The group that a label belongs to, whatever other labels there are."""
    return int(unit_interval("label group", label) * groups)


def _shards(parts: Iterable[Part], limit_bytes: float) -> Rows:
    """The shard of each part: consecutive parts of one corpus, together no larger than the limit unless one is."""
    shards: list[int] = []
    number, size, corpus = -1, 0, ""
    for part in parts:
        if number < 0 or part.corpus != corpus or size + part.size_bytes > limit_bytes:
            number, size, corpus = number + 1, 0, part.corpus
        size += part.size_bytes
        shards.append(number)
    return np.array(shards, np.int64)


def _hash(segment_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(segment_id.encode(), digest_size=8).digest())


def _read(table: pa.Table, bucket: Bucket, targets: Rows, key: str) -> NDArray[Any]:
    """The values of rows of a bucket from the table of their part."""
    rows = bucket.source_row[targets]
    ids = [bucket.segment_ids[target] for target in targets.tolist()]
    if bucket.column == "audio":
        return audio_windows(table, rows, ids, f"part {key[:12]}")
    if rows.max() >= table.num_rows or table["segment_id"].take(pa.array(rows)).to_pylist() != ids:
        raise StoreError(f"the selection does not belong to the features: part {key[:12]} has other segments")
    return read_features(table)[rows]


def _table(bucket: Bucket, values: NDArray[Any]) -> pa.Table:
    schema = bucket_schema(bucket.column, pa.from_numpy_dtype(values.dtype), values.shape[1:])
    storage = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), int(np.prod(values.shape[1:])))
    tensors = pa.ExtensionArray.from_storage(schema.field(bucket.column).type, storage)
    return pa.table([pa.array(bucket.segment_ids), pa.array(bucket.labels), tensors], schema=schema)
