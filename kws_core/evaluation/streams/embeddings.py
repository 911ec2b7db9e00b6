"""Embeddings of the spotter's windows over streams, as a dataset: one row a window."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kws_core.embeddings import read_embeddings
from kws_core.evaluation.streams.facts import StreamEmbeddings, StreamFacts
from kws_core.evaluation.streams.scores import embed_stream
from kws_core.evaluation.streams.stream import EvaluationStream
from kws_core.incremental.stream_encoder import StreamEncoder
from kws_core.part import PartOutput, Quarantine

STAGE = "windows"
VERSION = 1
FACTS = ["stream", "kind", "duration_s", "events", "speakers"]
"""Columns of the streams that `read_stream_embeddings` needs."""


def embed_streams_part(streams: pa.Table, encoder: StreamEncoder) -> PartOutput:
    """Embed a part of the streams: `stream` and `embedding [dim]`, windows in the order of time."""
    names, values = list[str](), list[np.ndarray]()
    for row in streams.to_pylist():
        embedded = embed_stream(EvaluationStream.from_row(row), encoder)
        names.extend([embedded.facts.name] * len(embedded.embeddings))
        values.append(embedded.embeddings)
    embeddings = np.ascontiguousarray(np.concatenate(values))
    schema = pa.schema(
        [("stream", pa.string()), ("embedding", pa.fixed_shape_tensor(pa.float32(), embeddings.shape[1:]))]
    )
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(embeddings)
    table = pa.table([pa.array(names, pa.string()), tensor], schema=schema)
    return PartOutput(table, Quarantine(STAGE).table())


def read_stream_embeddings(streams: pa.Table, embedded: pa.Table) -> Sequence[StreamEmbeddings]:
    """Streams of one part, whose columns are `FACTS`, with the embeddings of their windows."""
    names, values = np.array(embedded["stream"].to_pylist(), np.str_), read_embeddings(embedded)
    facts = [StreamFacts.from_row(row) for row in streams.select(FACTS).to_pylist()]
    return [StreamEmbeddings(own, values[names == own.name]) for own in facts]
