"""One self-contained ONNX file from PCM to embedding.

The graph is written operation by operation, without torch's exporter: it takes milliseconds and not ten seconds, says
nothing, and gives the same bytes for the same weights. The tests hold it against torch for every encoder.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.encoders import Encoder
from kws_core.encoders.bc_resnet import BcResNetTrunk, Block
from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.encoders.res15 import Res15Trunk
from kws_core.features.frontend import INT16_SCALE, LOG_FLOOR, PREEMPHASIS, Frontend
from kws_core.features.kaldi import dft_matrix, povey_window

OPSET, IR_VERSION = 17, 8
INPUT, OUTPUT = "pcm", "embeddings"
NORM_FLOOR = 1e-12  # as in torch.nn.functional.normalize


def export_onnx(encoder: Encoder, features: FeaturesConfig, path: Path) -> None:
    """Write the encoder as it evaluates, its features included, as one ONNX file; the encoder is left alone.

    Input `pcm [batch, 16000]` (float32, full scale +-1, any batch), output `embeddings [batch, dim]` of length 1.
    Equal weights give equal bytes. The file appears whole or not at all.
    """
    graph = _Graph()
    maps = _frontend(graph, Frontend(features))
    embeddings = graph.module(encoder, maps)
    length = graph.add("ReduceL2", embeddings, axes=[1], keepdims=1)
    graph.add("Div", embeddings, graph.add("Clip", length, graph.constant(NORM_FLOOR)), output=OUTPUT)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(graph.model(encoder.embedding_dim).SerializeToString(deterministic=True))
    temporary.replace(path)


class _Graph:
    """An ONNX graph under construction; values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append an operation and name its output."""
        name = output or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """Store a weight (or an index, as int64) and name it."""
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype).reshape(array.shape), name))
        return name

    def module(self, module: nn.Module, value: str) -> str:
        """Append what a module does in evaluation mode."""
        return _WRITERS[type(module)](self, module, value)

    def model(self, embedding_dim: int) -> Any:
        """Close the graph and check it."""
        pcm = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", SAMPLE_RATE_HZ])
        embeddings = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", embedding_dim])
        graph = helper.make_graph(self.nodes, "encoder", [pcm], [embeddings], self.constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="kws-foundry")
        onnx.checker.check_model(model, full_check=True)
        return model


def _frontend(graph: _Graph, frontend: Frontend) -> str:
    """Features `[batch, time, coeff]` of the input. The Fourier transform is a convolution: ONNX has no fast one.

    The convolution skips the first sample of each frame, where the window is zero, so it needs no sample before the
    first. As in `Frontend`, a DC offset passes pre-emphasis as (1 - 0.97) of the frame's mean.
    """
    window, hop = frontend.window_samples, frontend.hop_samples
    dft = (dft_matrix(frontend.fft_samples, window) * povey_window(window) * INT16_SCALE)[:, None, :]
    ends = [graph.constant([value], np.int64) for value in (0, -1, 1, SAMPLE_RATE_HZ)]
    previous = graph.add("Slice", INPUT, ends[0], ends[1], ends[2])
    current = graph.add("Slice", INPUT, ends[2], ends[3], ends[2])
    emphasised = graph.add("Sub", current, graph.add("Mul", previous, graph.constant(PREEMPHASIS)))
    emphasised = graph.add("Unsqueeze", emphasised, ends[2])
    spectrum = graph.add("Conv", emphasised, graph.constant(dft[:, :, 1:]), strides=[hop])
    mean = graph.add("AveragePool", graph.add("Unsqueeze", INPUT, ends[2]), kernel_shape=[window], strides=[hop])
    offset = graph.add("Mul", mean, graph.constant((1 - PREEMPHASIS) * dft.sum(axis=2)[None]))
    spectrum = graph.add("Sub", spectrum, offset)
    power = graph.add("Transpose", graph.add("Mul", spectrum, spectrum), perm=[0, 2, 1])
    energies = graph.add("MatMul", power, graph.constant(frontend.mel))
    features = graph.add("Log", graph.add("Clip", energies, graph.constant(LOG_FLOOR)))
    return graph.add("MatMul", features, graph.constant(frontend.dct)) if frontend.is_mfcc else features


def _encoder(graph: _Graph, module: Encoder, value: str) -> str:
    value = graph.add("Transpose", value, perm=[0, 2, 1])
    value = graph.module(module.norm, value)
    if not isinstance(module.trunk, BcResNetTrunk):
        value = graph.add("Transpose", value, perm=[0, 2, 1])
    value = graph.module(module.trunk, graph.add("Unsqueeze", value, graph.constant([1], np.int64)))
    weight, bias = graph.constant(module.projection.weight), graph.constant(module.projection.bias)
    return graph.add("Gemm", value, weight, bias, transB=1)


def _bc_resnet(graph: _Graph, module: BcResNetTrunk, value: str) -> str:
    for part in (module.stem, module.blocks, module.tail):
        value = graph.module(part, value)
    return graph.add("ReduceMean", value, axes=[2, 3], keepdims=0)


def _block(graph: _Graph, module: Block, value: str) -> str:
    local = graph.module(module.frequency_norm, graph.module(module.frequency, graph.module(module.expand, value)))
    average = graph.add("ReduceMean", local, axes=[2], keepdims=1)
    output = graph.add("Add", local, graph.module(module.time, average))
    return graph.add("Relu", output if module.is_transition else graph.add("Add", output, value))


def _res15(graph: _Graph, module: Res15Trunk, value: str) -> str:
    value = residual = graph.module(module.pool, graph.add("Relu", graph.module(module.stem, value)))
    for index, (convolution, norm) in enumerate(zip(module.convolutions, module.norms, strict=True), start=1):
        value = graph.add("Relu", graph.module(convolution, value))
        if index % 2 == 0:
            value = residual = graph.add("Add", value, residual)
        value = graph.module(norm, value)
    return graph.add("ReduceMean", value, axes=[2, 3], keepdims=0)


def _sequence(graph: _Graph, module: nn.Sequential, value: str) -> str:
    for part in module:
        value = graph.module(part, value)
    return value


def _convolution(graph: _Graph, module: nn.Conv2d, value: str) -> str:
    top, left = (int(side) for side in module.padding)
    return graph.add(
        "Conv",
        value,
        graph.constant(module.weight),
        strides=list(module.stride),
        pads=[top, left, top, left],
        dilations=list(module.dilation),
        group=module.groups,
    )


def _sub_spectral_norm(graph: _Graph, module: SubSpectralNorm, value: str) -> str:
    scale, shift = module.affine()
    return graph.add("Add", graph.add("Mul", value, graph.constant(scale)), graph.constant(shift))


def _batch_norm(graph: _Graph, module: nn.BatchNorm1d | nn.BatchNorm2d, value: str) -> str:
    mean, var = module.running_mean, module.running_var
    weight = np.ones(module.num_features) if module.weight is None else module.weight
    bias = np.zeros(module.num_features) if module.bias is None else module.bias
    constants = (weight, bias, mean, var)
    return graph.add("BatchNormalization", value, *(graph.constant(item) for item in constants), epsilon=module.eps)


def _average_pool(graph: _Graph, module: nn.AvgPool2d, value: str) -> str:
    height, width = module.kernel_size  # type: ignore[misc]  # always a pair here
    shape = [height, width]
    return graph.add("AveragePool", value, kernel_shape=shape, strides=shape)


_WRITERS: dict[type[nn.Module], Callable[[_Graph, Any, str], str]] = {
    Encoder: _encoder,
    BcResNetTrunk: _bc_resnet,
    Block: _block,
    Res15Trunk: _res15,
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
