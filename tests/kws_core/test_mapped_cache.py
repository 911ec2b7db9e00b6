"""Memory-mapped arrays where there is no room for them."""

import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kws_core.errors import StoreError
from kws_core.mapped_cache import Array, Rows, mapped_rows, new_mapped

SELECTION = pa.table({"part": [0, 1, 0], "row": [4, 2, 0]})


def _values(part: int, rows: Rows, targets: Rows) -> Array:
    return np.tile(np.float32(10 * part + rows)[:, None], (1, 50_000))


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "rows.npy"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StoreError, match=r"^the cache .*rows\.npy cannot be written: [^\n]*; run it again when"):
            mapped_rows(SELECTION, path, _values, np.zeros(0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(path.parent.iterdir()) == []
    assert mapped_rows(SELECTION, path, _values, np.zeros(0))[:, 0].tolist() == [4.0, 12.0, 0.0]


def test_room_is_taken_before_anything_is_mapped(tmp_path: Path) -> None:
    """A page without room, on a full disk, would end the process when it is written to."""
    new_mapped(tmp_path / "rows.npy", np.float32, (3, 50_000))
    found = (tmp_path / "rows.npy").stat()
    assert found.st_size > 3 * 50_000 * 4
    assert found.st_blocks * 512 >= found.st_size
