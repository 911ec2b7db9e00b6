"""A gated recurrent unit as ONNX writes it."""

import torch
from torch import Tensor, nn

from kws_core.onnx_export.graph import Graph


def write_gru(graph: Graph, module: nn.GRU, value: str) -> str:
    """Append a one-layer bidirectional GRU: `[time, batch, width]` to states `[time, direction, batch, hidden]`.

    torch orders the gates reset, update, new and ONNX update, reset, new. Both apply the reset gate after the
    recurrent product and its bias, which ONNX calls `linear_before_reset`.
    """
    inputs, recurrent, biases = (
        torch.stack([_parameter(module, kind, direction) for direction in ("", "_reverse")])
        for kind in ("weight_ih", "weight_hh", "bias")
    )
    return graph.add(
        "GRU",
        value,
        *(graph.weight(weight) for weight in (inputs, recurrent, biases)),
        hidden_size=module.hidden_size,
        direction="bidirectional",
        linear_before_reset=1,
    )


def _parameter(module: nn.GRU, kind: str, direction: str) -> Tensor:
    if kind == "bias":
        return torch.cat([_parameter(module, name, direction) for name in ("bias_ih", "bias_hh")])
    reset, update, new = getattr(module, f"{kind}_l0{direction}").chunk(3)
    return torch.cat([update, reset, new])
