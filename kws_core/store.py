"""Datasets on a local folder or `s3://`: immutable manifests over content-addressed Parquet parts.

Layout below the root:

    parts/STAGE/KEY.parquet              rows
    parts/STAGE/KEY.quarantine.parquet   rejected inputs, when there are any
    parts/STAGE/KEY.json                 the part's description, written last: the part is done
    manifests/STAGE/FINGERPRINT.json     the dataset, written when all its parts are done
    documents/KIND/KEY.json              small results: search, evaluation, decisions
    objects/KIND/KEY/NAME                other files: weights, bundles
    searches/KEY/                        trials of an unfinished search, written by Ray
"""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kws_core.errors import StoreError
from kws_core.files import Files
from kws_core.fingerprint import sha256
from kws_core.manifest import Manifest, Part
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE


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

    def write_part(self, stage: str, key: str, corpus: str, output: PartOutput) -> Part:
        """Write rows, quarantine and, last, the description."""
        content = parquet_bytes(output.table)
        self.files.write(_part_name(stage, key, "parquet"), content)
        if output.quarantine.num_rows:
            self.files.write(_part_name(stage, key, "quarantine.parquet"), parquet_bytes(output.quarantine))
        part = Part(key, corpus, output.table.num_rows, output.quarantine.num_rows, len(content), sha256(content))
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
        content = self.files.read(name)
        if sha256(content) != part.sha256:
            raise self._damaged(name, "its SHA-256 is not the one it was written with")
        return self._parse(pa.BufferReader(content), name, None, part.rows)

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
        """Read a whole dataset, or some of its columns, in part order."""
        return pa.concat_tables([self.read_part(manifest.stage, part, columns) for part in manifest.parts])

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
            table = pq.ParquetFile(file, page_checksum_verification=True).read(columns=columns)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(name, " ".join(str(error).split())) from error
        missing = sorted(set(columns or ()) - set(table.column_names))
        if missing:
            raise self._damaged(name, f"it has no column {', '.join(missing)}")
        if table.num_rows != rows:
            raise self._damaged(name, f"it has {table.num_rows} rows, not {rows}")
        return table

    def _damaged(self, name: str, reason: str) -> StoreError:
        stage = name.split("/")[1]
        part = name.split(".")[0]
        return StoreError(
            f"{self.url}/{name} is damaged: {reason}; delete {part}.* and the folder manifests/{stage}, then run again"
        )


def parquet_bytes(table: pa.Table) -> bytes:
    """One Parquet file in memory; the same rows give the same bytes. Text and numbers are zstd, the rest as it is."""
    sink = io.BytesIO()
    # audio and tensors would gain next to nothing
    plain = {field.name for field in table.schema if pa.types.is_binary(field.type) or _is_tensor(field.type)}
    compression = {name: "none" if name in plain else "zstd" for name in table.column_names}
    # small row groups keep readers' memory bounded; dictionaries of audio would only cost time
    encoded = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
    pq.write_table(
        table, sink, compression=compression, use_dictionary=encoded, row_group_size=1024, write_page_checksum=True
    )
    return sink.getvalue()


def _is_tensor(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.FixedShapeTensorType)


def _part_name(stage: str, key: str, suffix: str) -> str:
    return f"parts/{stage}/{key}.{suffix}"
