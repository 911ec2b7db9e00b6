"""How far the values of a graph look, in frames, and where its first layers can be cut off."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kws_core.incremental.onnx_messages import INT64, attribute


@dataclass(frozen=True)
class Cut:
    """A value that all the rest of a graph depends on, one position a frame."""

    value: str
    axis: int
    """Its axis of time."""
    radius: int
    """Frames on each side that a position depends on, beside its own."""
    convolutions: int
    """Up to there, so many."""


@dataclass(frozen=True)
class _Tracked:
    axis: int
    radius: int


def deepest_cut(model: Any, features: str, radius: int) -> Cut | None:
    """The last value of a graph whose positions look at most `radius` frames to each side, and that bears all the rest.

    None when no convolution comes before such a value. A position near an end of the window differs from one in the
    middle of a longer stretch, since zeros are seen beyond the end; one that is `radius` away from both does not.
    Operations that are not known to work frame by frame, or that take steps in time, end the search.

    Args:
        model: a whole `ModelProto`.
        features: the value `[batch, time, coeff]` to start from.
    """
    constants = {each.name: list(each.dims) for each in model.graph.initializer}
    shapes = {
        each.name: np.frombuffer(each.raw_data, "<i8").tolist()
        for each in model.graph.initializer
        if each.data_type == INT64
    }
    tracked: dict[str, _Tracked | None] = {features: _Tracked(1, 0)}
    nodes = list(model.graph.node)
    last_use = {name: place for place, node in enumerate(nodes) for name in node.input}
    last_use |= {each.name: len(nodes) for each in model.graph.output}
    found, convolutions = None, 0
    for place, node in enumerate(nodes):
        if features in node.output or not any(name in tracked for name in node.input):
            continue
        result = _step(node, tracked, constants, shapes)
        tracked |= dict.fromkeys(node.output, result)
        convolutions += node.op_type == "Conv"
        alive = [name for name in tracked if last_use.get(name, -1) > place]
        if result is not None and convolutions and alive == list(node.output) and result.radius <= radius:
            found = Cut(node.output[0], result.axis, result.radius, convolutions)
    return found


def _step(
    node: Any, tracked: dict[str, _Tracked | None], constants: dict[str, list[int]], shapes: dict[str, list[int]]
) -> _Tracked | None:
    """Of the output of a node; None where positions are not those of frames any more."""
    inputs = [tracked[name] for name in node.input if name in tracked]
    first = inputs[0]
    if first is None or None in inputs:
        return None
    match node.op_type:
        case "Relu" | "Sigmoid" | "BatchNormalization":
            return first
        case "Transpose":
            return _Tracked(attribute(node, "perm").index(first.axis), first.radius)
        case "Unsqueeze":
            # the exporter only adds the axis of channels, before that of time
            return _Tracked(first.axis + 1, first.radius)
        case "ReduceMean":
            axes = attribute(node, "axes")
            return first if axes and attribute(node, "keepdims") != 0 and first.axis not in axes else None
        case "Add" | "Mul":
            others = [constants[name] for name in node.input if name in constants]
            same = all(one is not None and one.axis == first.axis for one in inputs)
            spread = all(len(dims) <= first.axis or dims[first.axis] == 1 for dims in others)
            known = len(inputs) + len(others) == len(node.input)
            return _Tracked(first.axis, max(one.radius for one in inputs if one)) if same and spread and known else None
        case "Concat":
            same = len(inputs) == len(node.input) and all(one is not None and one.axis == first.axis for one in inputs)
            apart = same and attribute(node, "axis") != first.axis
            return _Tracked(first.axis, max(one.radius for one in inputs if one)) if apart else None
        case "Reshape":
            # time stays the last of four axes
            sizes = shapes.get(node.input[1], [])
            return first if first.axis == 3 and len(sizes) == 4 and sizes[0] == 0 and sizes[3] == -1 else None
        case "Conv":
            return _convolved(node, first, constants)
    return None


def _convolved(node: Any, given: _Tracked, constants: dict[str, list[int]]) -> _Tracked | None:
    kernel = attribute(node, "kernel_shape") or constants.get(node.input[1], [])[2:]
    if not kernel:
        return None
    place, axes = given.axis - 2, len(kernel)
    strides, dilations = (attribute(node, name) or [1] * axes for name in ("strides", "dilations"))
    pads = attribute(node, "pads") or [0] * (2 * axes)
    reach = dilations[place] * (kernel[place] - 1)
    if strides[place] != 1 or pads[place] * 2 != reach or pads[place + axes] * 2 != reach:
        return None
    return _Tracked(given.axis, given.radius + reach // 2)
