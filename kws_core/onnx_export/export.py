"""Writing an encoder and its features as an ONNX file."""

from pathlib import Path

from kws_core.config import FeaturesConfig
from kws_core.encoders import Encoder
from kws_core.features.frontend import Frontend
from kws_core.onnx_export.frontend import write_frontend
from kws_core.onnx_export.graph import OUTPUT, Graph, WeightType
from kws_core.onnx_export.modules import write_module

NORM_FLOOR = 1e-12  # as in torch.nn.functional.normalize


def export_onnx(encoder: Encoder, features: FeaturesConfig, path: Path, weights: WeightType = "float32") -> None:
    """Write the encoder as it evaluates, its features included, as one ONNX file; the encoder is left alone.

    Input `pcm [batch, 16000]` (float32, full scale +-1, any batch), output `embeddings [batch, dim]` of length 1.
    With `weights = "float16"` the encoder's convolutions, linear maps and recurrences are stored in half precision,
    for half the file; everything is still computed in float32. Equal weights give equal bytes. The file appears whole
    or not at all.

    Raises `ConfigError` for weights that float16 cannot hold.
    """
    graph = Graph(weights)
    embeddings = write_module(graph, encoder, write_frontend(graph, Frontend(features)))
    length = graph.add("ReduceL2", embeddings, axes=[1], keepdims=1)
    graph.add("Div", embeddings, graph.add("Clip", length, graph.constant(NORM_FLOOR)), output=OUTPUT)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(graph.model(encoder.embedding_dim).SerializeToString(deterministic=True))
    temporary.replace(path)
