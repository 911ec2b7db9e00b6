"""An exported encoder in parts: its features left out, and its first layers apart from the rest."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from kws_core.incremental.onnx_messages import parse_model, submodel
from kws_core.incremental.receptive_field import Cut, deepest_cut

FEATURES, EMBEDDINGS = "features", "embeddings"
MAPS = "maps"
"""What the first layers make."""


@dataclass(frozen=True)
class FirstLayers:
    """The layers whose values are shared by neighbouring windows, and those that take a whole window."""

    layers: bytes
    """`features [batch, time, coeff]`, of any length, to `maps`, whose axis `cut.axis` is time."""
    rest: bytes
    """The maps of a window to `embeddings [batch, dim]`."""
    cut: Cut


@dataclass(frozen=True)
class SplitEncoder:
    """An encoder without its features."""

    embedding: bytes
    """`features [batch, frames, coeff]` to `embeddings [batch, dim]`."""
    first_layers: FirstLayers | None
    """None where no layer can be shared between windows."""


def split_encoder(content: bytes, frames: int, coefficients: int, radius: int) -> SplitEncoder | None:
    """Take the features off an `encoder.onnx`, and its first layers where they look at most `radius` frames around.

    None when its features are not those that `export_onnx` writes: a logarithm, and a cosine transform of it or none.
    """
    try:
        model = parse_model(content)
    except DecodeError:
        return None
    features = _features(model)
    if features is None:
        return None
    embedding = submodel(model, features, FEATURES, ("batch", frames, coefficients), EMBEDDINGS, EMBEDDINGS, 2)
    if embedding is None:
        return None
    return SplitEncoder(embedding, _first_layers(model, features, coefficients, radius))


def _features(model: Any) -> str | None:
    """The value that holds the features."""
    logarithms = [node.output[0] for node in model.graph.node if node.op_type == "Log"]
    if len(logarithms) != 1 or [output.name for output in model.graph.output] != [EMBEDDINGS]:
        return None
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[0] == logarithms[0]:
            return str(node.output[0])
    return str(logarithms[0])


def _first_layers(model: Any, features: str, coefficients: int, radius: int) -> FirstLayers | None:
    cut = deepest_cut(model, features, radius)
    if cut is None:
        return None
    layers = submodel(model, features, FEATURES, ("batch", "time", coefficients), cut.value, MAPS, 4)
    rest = submodel(model, cut.value, MAPS, ("batch", "first", "second", "third"), EMBEDDINGS, EMBEDDINGS, 2)
    return None if layers is None or rest is None else FirstLayers(layers, rest, cut)
