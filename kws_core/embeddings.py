"""Segments to embeddings, with the encoder that will be delivered."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.features.window import window_waveform
from kws_core.onnx_encoder import BATCH, OnnxEncoder
from kws_core.part import PartOutput, Quarantine

STAGE = "embeddings"
VERSION = 1


def embed_part(segments: pa.Table, encoder: OnnxEncoder) -> PartOutput:
    """Embed every segment of a part, its word at the centre of the window: `embedding [dim]` float32, L2-normalised."""
    parts = []
    for batch in segments.to_batches(max_chunksize=BATCH):
        windows = np.stack([segment_window(row) for row in batch.to_pylist()])
        parts.append(encoder.embed(windows))
    embeddings = np.concatenate(parts) if parts else encoder.embed(np.empty((0, SAMPLE_RATE_HZ), np.float32))
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(embeddings)) if len(embeddings) else None
    schema = pa.schema(
        [("segment_id", pa.string()), ("embedding", pa.fixed_shape_tensor(pa.float32(), embeddings.shape[1:]))]
    )
    table = (
        schema.empty_table()
        if tensor is None
        else pa.table([segments["segment_id"].combine_chunks(), tensor], schema=schema)
    )
    return PartOutput(table, Quarantine(STAGE).table())


def segment_window(row: dict[str, object]) -> NDArray[np.float32]:
    """The one-second window `[16000]` around the word of a row of the segments dataset, full scale 1."""
    pcm = np.frombuffer(row["audio"], np.dtype("<i2"))  # type: ignore[call-overload]
    centre_s = (row["word_start_s"] + row["word_end_s"]) / 2 - row["start_s"]  # type: ignore[operator]
    window: NDArray[np.float32] = window_waveform(pcm, round(centre_s * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    return window


def read_embeddings(table: pa.Table) -> NDArray[np.float32]:
    """The column `embedding` of the dataset as `[rows, dim]`."""
    chunks = [chunk.to_numpy_ndarray() for chunk in table["embedding"].chunks]
    values: NDArray[np.float32] = np.concatenate(chunks)
    return values
