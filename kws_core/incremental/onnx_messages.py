"""ONNX files as protobuf messages, with the fields that cutting a graph needs.

A spotter in service has onnxruntime and protobuf, which onnxruntime itself depends on, but not the `onnx` package.
Fields that are not named here are kept as they are.

Source: field numbers of onnx/onnx.proto, which the format's own rules keep for ever.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_STRING, _INT64, _INT32, _BYTES, _MESSAGE = 9, 3, 5, 12, 11
_OPTIONAL, _REPEATED = 1, 3
_PACKAGE = "kws_foundry_onnx"
_FIELDS: dict[str, tuple[tuple[str, int, int, int, str], ...]] = {
    "ModelProto": (("graph", 7, _MESSAGE, _OPTIONAL, "GraphProto"),),
    "GraphProto": (
        ("node", 1, _MESSAGE, _REPEATED, "NodeProto"),
        ("name", 2, _STRING, _OPTIONAL, ""),
        ("initializer", 5, _MESSAGE, _REPEATED, "TensorProto"),
        ("input", 11, _MESSAGE, _REPEATED, "ValueInfoProto"),
        ("output", 12, _MESSAGE, _REPEATED, "ValueInfoProto"),
        ("value_info", 13, _MESSAGE, _REPEATED, "ValueInfoProto"),
    ),
    "NodeProto": (
        ("input", 1, _STRING, _REPEATED, ""),
        ("output", 2, _STRING, _REPEATED, ""),
        ("op_type", 4, _STRING, _OPTIONAL, ""),
        ("attribute", 5, _MESSAGE, _REPEATED, "AttributeProto"),
    ),
    "AttributeProto": (
        ("name", 1, _STRING, _OPTIONAL, ""),
        ("i", 3, _INT64, _OPTIONAL, ""),
        ("ints", 8, _INT64, _REPEATED, ""),
    ),
    "TensorProto": (
        ("dims", 1, _INT64, _REPEATED, ""),
        ("data_type", 2, _INT32, _OPTIONAL, ""),
        ("name", 8, _STRING, _OPTIONAL, ""),
        ("raw_data", 9, _BYTES, _OPTIONAL, ""),
    ),
    "ValueInfoProto": (("name", 1, _STRING, _OPTIONAL, ""), ("type", 2, _MESSAGE, _OPTIONAL, "TypeProto")),
    "TypeProto": (("tensor_type", 1, _MESSAGE, _OPTIONAL, "TensorTypeProto"),),
    "TensorTypeProto": (
        ("elem_type", 1, _INT32, _OPTIONAL, ""),
        ("shape", 2, _MESSAGE, _OPTIONAL, "TensorShapeProto"),
    ),
    "TensorShapeProto": (("dim", 1, _MESSAGE, _REPEATED, "DimensionProto"),),
    "DimensionProto": (("dim_value", 1, _INT64, _OPTIONAL, ""), ("dim_param", 2, _STRING, _OPTIONAL, "")),
}
FLOAT, INT64 = 1, 7
"""Of `TensorProto.DataType`."""


def parse_model(content: bytes) -> Any:
    """The `ModelProto` of an ONNX file; raises `google.protobuf.message.DecodeError` when it is none."""
    return _message("ModelProto").FromString(content)


def attribute(node: Any, name: str) -> Any:
    """An attribute of a node: its list of whole numbers where it has one, its number otherwise; None without it."""
    for found in node.attribute:
        if found.name == name:
            return list(found.ints) or found.i
    return None


def submodel(
    model: Any, given: str, given_as: str, shape: tuple[int | str, ...], made: str, made_as: str, rank: int
) -> bytes | None:
    """The part of a model between two of its values, as a model of its own.

    Args:
        model: the whole `ModelProto`.
        given: the value that becomes the input `given_as`, of this `shape`; names stand for any length.
        made: the value that becomes the output `made_as`, of so many axes.

    Returns:
        None when the output needs another input of the whole model.
    """
    nodes, needed = list[Any](), {made}
    for node in reversed(model.graph.node):
        if needed & set(node.output) and given not in node.output:
            nodes.insert(0, node)
            needed |= set(node.input)
    if given not in needed or any(each.name in needed - {given} for each in model.graph.input):
        return None
    part = _message("ModelProto")()
    part.CopyFrom(model)
    graph = part.graph
    constants = [each for each in model.graph.initializer if each.name in needed]
    for field in ("node", "initializer", "input", "output", "value_info"):
        graph.ClearField(field)
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    renamed = {given: given_as, made: made_as}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    _declare(graph.input.add(), given_as, shape)
    _declare(graph.output.add(), made_as, tuple(f"{made_as}_{axis}" for axis in range(rank)))
    content: bytes = part.SerializeToString(deterministic=True)
    return content


def _declare(value: Any, name: str, shape: tuple[int | str, ...]) -> None:
    value.name = name
    value.type.tensor_type.elem_type = FLOAT
    for length in shape:
        dimension = value.type.tensor_type.shape.dim.add()
        if isinstance(length, int):
            dimension.dim_value = length
        else:
            dimension.dim_param = length


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    """The messages, in a pool of their own: the `onnx` package may be loaded as well."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2")
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for field, number, kind, label, kind_name in fields:
            one: Any = described.field.add(name=field, number=number, type=kind, label=label)
            if kind_name:
                one.type_name = f".{_PACKAGE}.{kind_name}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool
