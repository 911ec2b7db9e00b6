"""An encoder whose convolutions and projection hold weights of 8 bits."""

import tempfile
from pathlib import Path

import onnx

from kws_core.config import FeaturesConfig
from kws_core.features.frontend import Frontend
from kws_core.incremental.split import EMBEDDINGS, FEATURES
from kws_core.onnx_export.embedding_half import embedding_dim, embedding_half
from kws_core.onnx_export.frontend import write_frontend
from kws_core.onnx_export.graph import Graph

QUANTISED = ("Conv", "MatMul")


def quantised_model(encoder: bytes, features: FeaturesConfig) -> bytes:
    """Make an `encoder.onnx` into one of 8 bits, with the same input and output.

    Weights get a scale for each channel; activations are scaled as they come (dynamic quantisation), so no recordings
    are needed. Features stay as they are, and so do recurrences.

    Raises:
        BundleError: it is not an encoder that `export_onnx` wrote.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    frontend = Frontend(features)
    half = embedding_half(encoder, features)
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "folded.onnx", Path(folder) / "int8.onnx"
        _write_folded(half, whole)
        quantize_dynamic(
            whole, small, op_types_to_quantize=list(QUANTISED), per_channel=True, weight_type=QuantType.QInt8
        )
        quantised = onnx.load(small)
    graph = Graph()
    graph.add("Identity", write_frontend(graph, frontend), output=FEATURES)
    graph.append(quantised.graph, "encoder_", {FEATURES: FEATURES, EMBEDDINGS: EMBEDDINGS})
    dim = embedding_dim(onnx.load_model_from_string(half).graph)
    content: bytes = graph.model(dim).SerializeToString(deterministic=True)
    return content


def _write_folded(model: bytes, path: Path) -> None:
    """Write a model whose constants are computed and whose normalisations are part of the convolutions before them."""
    import onnxruntime
    from onnxruntime.quantization.onnx_model import ONNXModel

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # the quantiser takes no Gemm, only the product and the sum that it consists of
    whole = ONNXModel(onnx.load(path))
    whole.replace_gemm_with_matmul()
    folded = whole.model
    # says that this has been done, or the quantiser advises to do it
    onnx.helper.set_model_props(folded, {"onnx.quant.pre_process": "onnxruntime.quant"})
    for number, node in enumerate(folded.graph.node):
        node.name = f"node_{number}"
    onnx.save(folded, path)
