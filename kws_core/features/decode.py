"""Cuts of a batch of segments as windows of one second, the word's centre in their middle."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.part import Quarantine

COLUMNS = ["segment_id", "start_s", "word_start_s", "word_end_s", "audio"]
WINDOW_SAMPLES = SAMPLE_RATE_HZ
"""Every segment is seen through one second."""


class Windows(NamedTuple):
    """Segments by their ids, and their sound `[segments, WINDOW_SAMPLES]`, zero outside the cut."""

    ids: list[str]
    pcm: NDArray[np.int16]


def decode_windows(batch: pa.RecordBatch, quarantine: Quarantine) -> Windows:
    """Place the cuts of a batch; what is no PCM16 or has no finite times goes to the quarantine."""
    start, word_start, word_end = (
        batch.column(name).to_numpy(zero_copy_only=False) for name in ("start_s", "word_start_s", "word_end_s")
    )
    centres_s = (word_start + word_end) / 2 - start
    audio = batch.column("audio").fill_null(b"")
    offsets = np.frombuffer(audio.buffers()[1], np.int32)[audio.offset : audio.offset + len(audio) + 1].tolist()
    data = np.frombuffer(audio.buffers()[2] or b"", np.uint8)
    ids: list[str] = []
    windows = np.zeros((batch.num_rows, WINDOW_SAMPLES), np.int16)
    for row, segment_id in enumerate(batch.column("segment_id").to_pylist()):
        content = data[offsets[row] : offsets[row + 1]]
        if not np.isfinite(centres_s[row]):
            quarantine.add(segment_id, "start or end of the word is not finite")
        elif not len(content) or len(content) % 2:
            quarantine.add(segment_id, f"{len(content)} bytes of audio are no PCM16")
        else:
            first = round(float(centres_s[row]) * SAMPLE_RATE_HZ) - WINDOW_SAMPLES // 2
            source = content.view("<i2")[max(0, first) : max(0, first + WINDOW_SAMPLES)]
            place = max(0, -first)
            windows[len(ids), place : place + len(source)] = source[: max(0, WINDOW_SAMPLES - place)]
            ids.append(segment_id)
    return Windows(ids, windows[: len(ids)])
