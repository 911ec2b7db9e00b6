"""What a cell leaves behind: outcomes by segment or trial, from which every figure and interval is computed later."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import StoreError


@dataclass(frozen=True, eq=False)
class CellResult:
    """Named arrays: outcomes and the speakers they belong to (numbers, booleans or text; no objects)."""

    arrays: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def to_bytes(self) -> bytes:
        """The arrays as a NumPy archive; equal arrays give equal bytes."""
        sink = io.BytesIO()
        np.savez_compressed(sink, allow_pickle=False, **{name: self.arrays[name] for name in sorted(self.arrays)})
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> "CellResult":
        """Read an archive; raises `StoreError` naming the object when it is damaged."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                return cls({key: archive[key] for key in archive.files})
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise StoreError(f"{name} is damaged: {error}; delete it and run again") from error
