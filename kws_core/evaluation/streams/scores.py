"""Smoothed scores of streams, as the spotter has them."""

from collections.abc import Iterable

import numpy as np

from kws_core.audio import pcm16_to_float
from kws_core.backends.backend import Backend
from kws_core.detector import smooth
from kws_core.evaluation.streams.facts import StreamEmbeddings, StreamScores
from kws_core.evaluation.streams.stream import EvaluationStream
from kws_core.incremental.stream_encoder import StreamEncoder


def embed_stream(stream: EvaluationStream, encoder: StreamEncoder) -> StreamEmbeddings:
    """Embeddings of all windows of a stream."""
    return StreamEmbeddings(stream.facts, encoder.embed(pcm16_to_float(stream.pcm)))


def score_streams(streams: Iterable[StreamEmbeddings], backend: Backend) -> tuple[StreamScores, ...]:
    """Scores of streams that have been embedded, by one back end."""
    return tuple(
        StreamScores(stream.facts, smooth(np.asarray(backend.score(stream.embeddings), np.float64)))
        for stream in streams
    )
