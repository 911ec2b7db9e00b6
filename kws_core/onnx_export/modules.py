"""What each module of an encoder does in evaluation mode, as ONNX operations."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from kws_core.encoders import Encoder
from kws_core.encoders.bc_resnet import BcResNetTrunk, Block
from kws_core.encoders.crnn import CrnnTrunk
from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.encoders.res15 import Res15Trunk
from kws_core.encoders.resnet import BasicBlock, ResNetTrunk
from kws_core.onnx_export.graph import Graph
from kws_core.onnx_export.recurrent import write_gru


def write_module(graph: Graph, module: nn.Module, value: str) -> str:
    """Append a module to the graph: the name of its input to the name of its output."""
    return _WRITERS[type(module)](graph, module, value)


def _encoder(graph: Graph, module: Encoder, value: str) -> str:
    value = graph.add("Transpose", value, perm=[0, 2, 1])
    value = write_module(graph, module.norm, value)
    if not module.trunk.frequency_first:
        value = graph.add("Transpose", value, perm=[0, 2, 1])
    value = write_module(graph, module.trunk, graph.add("Unsqueeze", value, graph.constant([1], np.int64)))
    weight, bias = graph.weight(module.projection.weight), graph.weight(module.projection.bias)
    return graph.add("Gemm", value, weight, bias, transB=1)


def _bc_resnet(graph: Graph, module: BcResNetTrunk, value: str) -> str:
    for part in (module.stem, module.blocks, module.tail):
        value = write_module(graph, part, value)
    return _global_mean(graph, value)


def _block(graph: Graph, module: Block, value: str) -> str:
    """Convolution, normalisation, residual and the sum with the average's branch as one product a channel.

    What the convolution over frequency and its normalisation do to a column is a matrix; the average of what they make
    is a row of it. The branch's value is one more row of the input, whose weight is 1. Runtimes compute the matrices
    when they load the file; for maps as small as these the product takes less time than the operations one by one.
    """
    value = write_module(graph, module.expand, value)
    channels, rows = module.frequency.out_channels, module.frequency_norm.rows * module.frequency_norm.weight.shape[0]
    inputs = rows * int(module.frequency.stride[0])
    identity = graph.constant(np.eye(inputs).reshape(inputs, 1, inputs, 1))
    units = graph.add("Expand", identity, graph.constant([1, channels, 1, 1], np.int64))
    scale, shift = module.frequency_norm.affine()
    responses = graph.add("Mul", write_module(graph, module.frequency, units), graph.constant(scale))
    matrix = graph.add("Transpose", responses, perm=[1, 2, 0, 3])  # [channel, row, input row, 1]
    mean = graph.add("ReduceMean", matrix, axes=[1], keepdims=1)
    bias = graph.constant(shift.mean(dim=(0, 2, 3)))
    average = graph.add("Conv", value, mean, bias, kernel_shape=[inputs, 1], group=channels)
    if not module.is_transition:
        matrix = graph.add("Add", matrix, graph.constant(np.eye(rows).reshape(1, rows, rows, 1)))
    ones = graph.add("Expand", graph.constant(1.0), graph.constant([channels, rows, 1, 1], np.int64))
    weight = graph.add("Concat", matrix, ones, axis=2)
    weight = graph.add("Reshape", weight, graph.constant([channels * rows, inputs + 1, 1, 1], np.int64))
    columns = graph.add("Concat", value, write_module(graph, module.time, average), axis=2)
    columns = graph.add("Reshape", columns, graph.constant([0, channels * (inputs + 1), 1, -1], np.int64))
    product = graph.add("Conv", columns, weight, graph.constant(shift.flatten()), kernel_shape=[1, 1], group=channels)
    return graph.add("Reshape", graph.add("Relu", product), graph.constant([0, channels, rows, -1], np.int64))


def _res15(graph: Graph, module: Res15Trunk, value: str) -> str:
    value = graph.add("Relu", write_module(graph, module.stem, value))
    value = residual = write_module(graph, module.pool, value)
    for index, (convolution, norm) in enumerate(zip(module.convolutions, module.norms, strict=True), start=1):
        value = graph.add("Relu", write_module(graph, convolution, value))
        if index % 2 == 0:
            value = residual = graph.add("Add", value, residual)
        value = write_module(graph, norm, value)
    return _global_mean(graph, value)


def _resnet(graph: Graph, module: ResNetTrunk, value: str) -> str:
    value = write_module(graph, module.blocks, write_module(graph, module.stem, value))
    return _global_mean(graph, value) if module.pools else graph.add("Flatten", value, axis=1)


def _basic_block(graph: Graph, module: BasicBlock, value: str) -> str:
    body, shortcut = write_module(graph, module.body, value), write_module(graph, module.shortcut, value)
    return graph.add("Relu", graph.add("Add", body, shortcut))


def _crnn(graph: Graph, module: CrnnTrunk, value: str) -> str:
    value = write_module(graph, module.convolutions, value)
    frames = graph.add("Transpose", value, perm=[2, 0, 1, 3])
    frames = graph.add("Reshape", frames, graph.constant([0, 0, -1], np.int64))
    states = write_gru(graph, module.recurrent, frames)  # [time, direction, batch, hidden]
    mean = graph.add("Transpose", graph.add("ReduceMean", states, axes=[0], keepdims=0), perm=[1, 0, 2])
    return graph.add("Reshape", mean, graph.constant([0, -1], np.int64))


def _sequence(graph: Graph, module: nn.Sequential, value: str) -> str:
    for part in module:
        value = write_module(graph, part, value)
    return value


def _convolution(graph: Graph, module: nn.Conv2d, value: str) -> str:
    top, left = (int(side) for side in module.padding)
    return graph.add(
        "Conv",
        value,
        graph.weight(module.weight),
        kernel_shape=list(module.kernel_size),
        strides=list(module.stride),
        pads=[top, left, top, left],
        dilations=list(module.dilation),
        group=module.groups,
    )


def _sub_spectral_norm(graph: Graph, module: SubSpectralNorm, value: str) -> str:
    scale, shift = module.affine()
    return graph.add("Add", graph.add("Mul", value, graph.constant(scale)), graph.constant(shift))


def _batch_norm(graph: Graph, module: nn.BatchNorm1d | nn.BatchNorm2d, value: str) -> str:
    mean, var = module.running_mean, module.running_var
    weight: Any = np.ones(module.num_features) if module.weight is None else module.weight
    bias: Any = np.zeros(module.num_features) if module.bias is None else module.bias
    constants: tuple[Tensor | Any, ...] = (weight, bias, mean, var)
    return graph.add("BatchNormalization", value, *(graph.constant(item) for item in constants), epsilon=module.eps)


def _average_pool(graph: Graph, module: nn.AvgPool2d, value: str) -> str:
    height, width = module.kernel_size  # type: ignore[misc]  # always a pair here
    shape = [height, width]
    return graph.add("AveragePool", value, kernel_shape=shape, strides=shape)


def _global_mean(graph: Graph, value: str) -> str:
    return graph.add("ReduceMean", value, axes=[2, 3], keepdims=0)


_WRITERS: dict[type[nn.Module], Callable[[Graph, Any, str], str]] = {
    Encoder: _encoder,
    BcResNetTrunk: _bc_resnet,
    Block: _block,
    Res15Trunk: _res15,
    ResNetTrunk: _resnet,
    BasicBlock: _basic_block,
    CrnnTrunk: _crnn,
    SubSpectralNorm: _sub_spectral_norm,
    nn.Sequential: _sequence,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.AvgPool2d: _average_pool,
    nn.ReLU: lambda graph, _, value: graph.add("Relu", value),
    nn.SiLU: lambda graph, _, value: graph.add("Mul", value, graph.add("Sigmoid", value)),
    nn.Identity: lambda _graph, _, value: value,
    nn.Dropout2d: lambda _graph, _, value: value,
}
