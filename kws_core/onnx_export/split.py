"""The half of an exported encoder that turns features into embeddings."""

from typing import Any

import onnx
from onnx import TensorProto, helper

from kws_core.onnx_export.graph import OUTPUT

FEATURES = "features"


def embedding_half(model: bytes, frames: int, coefficients: int) -> bytes | None:
    """The part of an `encoder.onnx` behind its features, as a model of its own.

    Input `features [batch, frames, coefficients]`, output as before. None when the model's features are not those that
    `export_onnx` writes: a logarithm, and a cosine transform of it or none.
    """
    whole = onnx.load_model_from_string(model)
    logarithms = [node.output[0] for node in whole.graph.node if node.op_type == "Log"]
    if len(logarithms) != 1 or [output.name for output in whole.graph.output] != [OUTPUT]:
        return None
    features = logarithms[0]
    for node in whole.graph.node:
        if node.op_type == "MatMul" and node.input[0] == features:
            features = node.output[0]
            break
    nodes, needed = list[Any](), {OUTPUT}
    for node in reversed(whole.graph.node):
        if needed & set(node.output) and features not in node.output:
            nodes.insert(0, node)
            needed |= set(node.input)
    if any(given.name in needed for given in whole.graph.input):
        return None
    for node in nodes:
        node.input[:] = [FEATURES if name == features else name for name in node.input]
    given = helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["batch", frames, coefficients])
    constants = [constant for constant in whole.graph.initializer if constant.name in needed]
    graph = helper.make_graph(nodes, "embedding", [given], list(whole.graph.output), constants)
    half = helper.make_model(graph, opset_imports=whole.opset_import, ir_version=whole.ir_version)
    content: bytes = half.SerializeToString()
    return content
