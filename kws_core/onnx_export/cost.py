"""How many products of two numbers a model computes for one input."""

from math import prod
from typing import Any

import onnx


def multiplies(model: bytes) -> int:
    """Products in the convolutions, matrix products and recurrences that depend on the input, for a batch of one."""
    loaded = onnx.load_model_from_string(model)
    for value in loaded.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in loaded.graph.output:
        value.type.ClearField("tensor_type")
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    inferred = onnx.shape_inference.infer_shapes(loaded, data_prop=True).graph
    shapes = {each.name: list(each.dims) for each in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = [each.dim_value for each in value.type.tensor_type.shape.dim]
    live = {each.name for each in inferred.input}
    total = 0
    for node in inferred.node:
        if live & set(node.input):
            live |= set(node.output)
            total += _multiplies(node, shapes)
    return total


def _multiplies(node: Any, shapes: dict[str, list[int]]) -> int:
    match node.op_type:
        case "Conv" | "ConvInteger":
            return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        case "MatMul" | "MatMulInteger":
            return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
        case "Gemm":
            return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
        case "GRU":
            time, batch, _ = shapes[node.input[0]]
            return time * batch * sum(prod(shapes[weight]) for weight in node.input[1:3])
    return 0
