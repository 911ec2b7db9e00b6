"""The windows of selected segments, read as they are asked for."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.embeddings import segment_window
from kws_core.manifest import Manifest
from kws_core.store import Store

_COLUMNS = ["segment_id", "start_s", "word_start_s", "word_end_s", "audio"]


class SegmentWindows:
    """Windows `[n, 16000]` around the words of rows of a selection; the part read last is kept."""

    def __init__(self, store: Store, segments: Manifest, selection: pa.Table) -> None:
        self._store, self._segments = store, segments
        self._parts = selection["part"].to_numpy()
        self._rows = selection["row"].to_numpy()
        self._kept: tuple[int, pa.Table] | None = None

    def __call__(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """The windows of these rows of the selection, full scale 1."""
        windows = np.empty((len(rows), SAMPLE_RATE_HZ), np.float32)
        chosen = np.asarray(rows, np.int64)
        for number in np.unique(self._parts[chosen]).tolist():
            places = np.flatnonzero(self._parts[chosen] == number)
            table = self._part(number).take(pa.array(self._rows[chosen[places]]))
            for place, row in zip(places.tolist(), table.to_pylist(), strict=True):
                windows[place] = segment_window(row)
        return windows

    def _part(self, number: int) -> pa.Table:
        if self._kept is None or self._kept[0] != number:
            part = self._segments.parts[number]
            self._kept = number, self._store.read_part(self._segments.stage, part, _COLUMNS)
        return self._kept[1]
