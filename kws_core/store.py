"""Datasets on a local folder or `s3://`: immutable manifests over content-addressed Parquet parts.

Layout below the root:

    parts/STAGE/KEY.parquet              rows
    parts/STAGE/KEY.quarantine.parquet   rejected inputs, when there are any
    parts/STAGE/KEY.json                 the part's description, written last: the part is done
    manifests/STAGE/FINGERPRINT.json     the dataset, written when all its parts are done
    documents/KIND/KEY.json              small results: search, evaluation, decisions
    objects/KIND/KEY/NAME                other files: weights, bundles
    searches/KEY/                        trials of an unfinished search, written by Ray
    claims/STAGE/FINGERPRINT.json        the part keys of a dataset that is being made
    leases/WORK/                         which process is at a search or a refit
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kws_core.errors import StoreError
from kws_core.files import Files, store_error
from kws_core.fingerprint import sha256
from kws_core.manifest import Manifest, Part
from kws_core.parquet import ROW_GROUP_ROWS, HashingFile, parquet_bytes, write_parquet
from kws_core.part import PartOutput, PartStream
from kws_core.read_ahead import map_ahead
from kws_core.s3 import is_service_error, is_throttled, patiently, waits_s
from kws_core.schemas import QUARANTINE

FEW = 32
"""Up to so many parts it is cheaper to ask for each than to list all parts that the stage ever made."""
READ_AT_ONCE = 1000
PARTS_AT_ONCE = 16


class Store:
    """Reads and writes parts, manifests and documents; every write is atomic, every rewrite is the same bytes."""

    def __init__(self, url: str) -> None:
        """Open a store; nothing is created before the first write."""
        self.url = url
        self.files = Files(url)

    def has_part(self, stage: str, key: str) -> bool:
        """Tell whether the part is complete."""
        return self.files.exists(_part_name(stage, key, "json"))

    def part(self, stage: str, key: str) -> Part:
        """Describe a complete part; raises `StoreError` when it is missing or damaged."""
        name = _part_name(stage, key, "json")
        return Part.from_json(self.files.read(name), f"{self.url}/{name}")

    def complete_parts(self, stage: str, keys: list[str]) -> dict[str, Part]:
        """Describe those of the parts that are complete, by key.

        Few keys are asked for one by one. Where there are many, the folder of the stage is listed and the descriptions
        are read many at a time: 100,000 parts cost minutes, not hours, of S3. Raises `StoreError` for a damaged one.
        """
        if len(keys) <= FEW:
            return {key: self.part(stage, key) for key in keys if self.has_part(stage, key)}
        names = self.files.children(f"parts/{stage}")
        complete = [key for key in keys if f"{key}.json" in names]
        found: dict[str, Part] = {}
        for start in range(0, len(complete), READ_AT_ONCE):
            chunk = complete[start : start + READ_AT_ONCE]
            described = [_part_name(stage, key, "json") for key in chunk]
            for key, name, content in zip(chunk, described, self.files.read_many(described), strict=True):
                found[key] = Part.from_json(content, f"{self.url}/{name}")
        return found

    def write_part(self, stage: str, key: str, corpus: str, output: PartOutput | PartStream) -> Part:
        """Write rows as they come, quarantine and, last, the description."""
        stream = PartStream.of(output) if isinstance(output, PartOutput) else output
        with self.files.writer(_part_name(stage, key, "parquet")) as file:
            hashing = HashingFile(file)
            rows = write_parquet(hashing, stream.schema, stream.tables)
        quarantine = stream.quarantine()
        if quarantine.num_rows:
            self.files.write(_part_name(stage, key, "quarantine.parquet"), parquet_bytes(quarantine))
        part = Part(key, corpus, rows, quarantine.num_rows, hashing.size_bytes, hashing.sha256())
        self.files.write(_part_name(stage, key, "json"), part.to_json())
        return part

    def read_part(self, stage: str, part: Part, columns: list[str] | None = None) -> pa.Table:
        """Read the rows of a part, or only the bytes of some of its columns.

        Raises:
            StoreError: the object is missing or damaged. A whole read verifies the SHA-256 of the part, a read of some
                columns the checksum of every page.
        """
        name = _part_name(stage, part.key, "parquet")
        if columns is not None:
            with self.files.open(name) as file:
                return self._parse(file, name, columns, part.rows)
        content = self.files.read(name, part.size_bytes)
        if sha256(content) != part.sha256:
            raise self._damaged(name, "its SHA-256 is not the one it was written with")
        return self._parse(pa.BufferReader(content), name, None, part.rows)

    def read_batches(self, stage: str, part: Part, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Read some columns of a part, so many rows at a time and without more of it in memory than is read ahead.

        `rows` divides `ROW_GROUP_ROWS`, so that the batches are the same after a read that had to be tried again.

        Raises:
            StoreError: the object is missing or damaged; the checksum of every page is verified.
        """
        name = _part_name(stage, part.key, "parquet")
        read = 0
        for wait_s in (*waits_s(), None):
            try:
                for batch in self._batches(name, part, columns, rows, read):
                    read += batch.num_rows
                    yield batch
            except (pa.ArrowException, OSError, ValueError) as error:
                if wait_s is None or not is_throttled(error):
                    raise self._unusable(name, error) from error
            else:
                return
            time.sleep(wait_s)

    def _batches(
        self, name: str, part: Part, columns: list[str], rows: int, skipped_rows: int
    ) -> Iterator[pa.RecordBatch]:
        with self.files.open(name) as file:
            # over a network all ranges of the part are asked for at once
            source = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=self.files.remote)
            self._check(name, source.schema_arrow.names, source.metadata.num_rows, columns, part.rows)
            first, skipped = divmod(skipped_rows, ROW_GROUP_ROWS)
            groups = range(first, source.num_row_groups)
            for batch in source.iter_batches(rows, groups, columns, use_threads=False):
                if skipped >= batch.num_rows:
                    skipped -= batch.num_rows
                else:
                    yield batch

    def read_quarantine(self, manifest: Manifest) -> pa.Table:
        """Read the rejected inputs of a dataset."""
        tables = [QUARANTINE.empty_table()]
        for part in manifest.parts:
            if part.rejected:
                name = _part_name(manifest.stage, part.key, "quarantine.parquet")
                content = pa.BufferReader(self.files.read(name))
                tables.append(self._parse(content, name, QUARANTINE.names, part.rejected).cast(QUARANTINE))
        return pa.concat_tables(tables)

    def read_table(self, manifest: Manifest, columns: list[str] | None = None) -> pa.Table:
        """Read a whole dataset, or some of its columns, in part order, several parts at a time."""
        return pa.concat_tables(
            map_ahead(lambda part: self.read_part(manifest.stage, part, columns), manifest.parts, PARTS_AT_ONCE)
        )

    def read_manifest(self, stage: str, key: str) -> Manifest | None:
        """Read the manifest with this fingerprint, or None when it was never completed."""
        name = f"manifests/{stage}/{key}.json"
        if not self.files.exists(name):
            return None
        return Manifest.from_json(self.files.read(name), f"{self.url}/{name}")

    def dataset(self, stage: str, key: str) -> Manifest:
        """Read the manifest with this fingerprint; raises `StoreError` when it was never completed."""
        manifest = self.read_manifest(stage, key)
        if manifest is None:
            raise StoreError(f"{self.url}: the dataset {stage} {key[:12]} is missing")
        return manifest

    def write_manifest(self, manifest: Manifest) -> None:
        """Publish a dataset; its parts must be complete."""
        self.files.write(f"manifests/{manifest.stage}/{manifest.fingerprint}.json", manifest.to_json())

    def read_document(self, kind: str, key: str) -> dict[str, Any] | None:
        """Read a small result, or None when it is not there."""
        name = f"documents/{kind}/{key}.json"
        if not self.files.exists(name):
            return None
        try:
            document: dict[str, Any] = json.loads(self.files.read(name))
        except ValueError as error:
            raise StoreError(f"{self.url}/{name} is damaged: {error}; delete it and run again") from error
        return document

    def write_document(self, kind: str, key: str, document: dict[str, Any]) -> None:
        """Write a small result."""
        content = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        self.files.write(f"documents/{kind}/{key}.json", content.encode())

    def has_object(self, kind: str, key: str, name: str) -> bool:
        """Tell whether a file is there."""
        return self.files.exists(f"objects/{kind}/{key}/{name}")

    def read_object(self, kind: str, key: str, name: str) -> bytes:
        """Read a file."""
        return self.files.read(f"objects/{kind}/{key}/{name}")

    def write_object(self, kind: str, key: str, name: str, content: bytes) -> None:
        """Write a file."""
        self.files.write(f"objects/{kind}/{key}/{name}", content)

    def check_writable(self) -> None:
        """Raise `StoreError` at once, before any work, when the store refuses writes."""
        self.files.write("store.json", b'{"format": "kws-foundry store", "version": 1}\n')

    def _parse(self, file: Any, name: str, columns: list[str] | None, rows: int) -> pa.Table:
        try:
            table = patiently(lambda: pq.ParquetFile(file, page_checksum_verification=True).read(columns=columns))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unusable(name, error) from error
        self._check(name, table.column_names, table.num_rows, columns or [], rows)
        return table

    def _check(self, name: str, found: list[str], found_rows: int, columns: list[str], rows: int) -> None:
        missing = sorted(set(columns) - set(found))
        if missing:
            raise self._damaged(name, f"it has no column {', '.join(missing)}")
        if found_rows != rows:
            raise self._damaged(name, f"it has {found_rows} rows, not {rows}")

    def _unusable(self, name: str, error: Exception) -> StoreError:
        reason = " ".join(str(error).split())
        if is_service_error(error):
            return store_error(f"{self.url}: {name} cannot be read: {reason}", error)
        return self._damaged(name, reason)

    def _damaged(self, name: str, reason: str) -> StoreError:
        stage = name.split("/")[1]
        part = name.split(".")[0]
        return StoreError(
            f"{self.url}/{name} is damaged: {reason}; delete {part}.* and the folder manifests/{stage}, then run again"
        )


def _part_name(stage: str, key: str, suffix: str) -> str:
    return f"parts/{stage}/{key}.{suffix}"
