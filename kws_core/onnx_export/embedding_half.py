"""An exported encoder without its features, to be joined to others."""

from typing import Any

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.errors import BundleError
from kws_core.features.frontend import Frontend
from kws_core.incremental.split import split_encoder


def embedding_half(encoder: bytes, features: FeaturesConfig) -> bytes:
    """The part of an `encoder.onnx` from `features [batch, frames, coeff]` to `embeddings [batch, dim]`.

    Raises:
        BundleError: it is not an encoder that `export_onnx` wrote.
    """
    split = split_encoder(encoder, Frontend(features).count_frames(SAMPLE_RATE_HZ), features.coefficients, 0)
    if split is None:
        raise BundleError("encoder.onnx: not an encoder that this project exported")
    return split.embedding


def embedding_dim(graph: Any) -> int:
    """Of a `GraphProto`, by its projection: the only product of two matrices with a bias."""
    (weight,) = [node.input[1] for node in graph.node if node.op_type == "Gemm"]
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    shapes = {each.name: list(each.dims) for each in graph.initializer}
    return int(shapes[casts.get(weight, weight)][0])
