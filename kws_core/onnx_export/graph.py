"""An ONNX graph under construction."""

from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import ConfigError

OPSET, IR_VERSION = 17, 8
INPUT, OUTPUT = "pcm", "embeddings"

WeightType = Literal["float32", "float16"]


class Graph:
    """Operations and constants in the order in which they are added; values are known by their names."""

    def __init__(self, weights: WeightType = "float32") -> None:
        if weights not in ("float32", "float16"):
            raise ConfigError(f"weights = {weights!r} must be 'float32' or 'float16'")
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append an operation and name its output."""
        name = output or f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """Store a tensor, array or number as `dtype` and name it."""
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype).reshape(array.shape), name))
        return name

    def weight(self, value: Tensor) -> str:
        """Store what training learnt in the graph's type of weights and name it as float32.

        Runtimes turn constants to float32 once, when they load the file.
        Raises `ConfigError` for weights beyond float16's largest number.
        """
        if self._weights == "float32":
            return self.constant(value)
        largest, limit = float(value.detach().abs().max()), float(np.finfo(np.float16).max)
        if not largest <= limit:
            raise ConfigError(f"weights = 'float16' holds numbers up to {limit:g}, but the encoder has {largest:g}")
        return self.add("Cast", self.constant(value, np.float16), to=TensorProto.FLOAT)

    @property
    def nodes(self) -> list[Any]:
        """The operations so far."""
        return self._nodes

    @property
    def constants(self) -> list[Any]:
        """The constants so far."""
        return self._constants

    def append(self, graph: Any, prefix: str, kept: dict[str, str]) -> None:
        """Append all of another graph; its values get a prefix, but for those that are to be called otherwise."""
        for constant in graph.initializer:
            copied = TensorProto()
            copied.CopyFrom(constant)
            copied.name = prefix + constant.name
            self._constants.append(copied)
        for node in graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[:] = [kept.get(name, prefix + name) if name else "" for name in node.input]
            copy.output[:] = [kept.get(name, prefix + name) for name in node.output]
            self._nodes.append(copy)

    def model(self, embedding_dim: int) -> Any:
        """Close the graph and check it."""
        pcm = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", SAMPLE_RATE_HZ])
        embeddings = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", embedding_dim])
        graph = helper.make_graph(self._nodes, "encoder", [pcm], [embeddings], self._constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="kws-foundry")
        onnx.checker.check_model(model, full_check=True)
        return model
